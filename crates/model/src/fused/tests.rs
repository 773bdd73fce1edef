//! What groups promise, with banks that compute nothing: each training gets exactly its own batches, in their order, and
//! whatever happens to a bank happens to nobody else.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use burn_tune::{Error, Result};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::bank::{BankError, BankMaker, BankShape, LaneBank, LaneSettings, LaneStep, Reading};
use super::groups::LaneGroups;
use crate::backend::Backend;
use crate::config::MlpConfig;
use crate::lane::{Lane, Steps};
use crate::lane_state::LaneState;
use crate::layer_values::{LayerValues, Layers};

const SLOT_BYTES: u64 = 100;

/// What fake banks do, and what was seen of them. A training is known by its first bias.
#[derive(Default)]
struct World {
    /// The batches of each training, over all banks.
    batches: Mutex<BTreeMap<u32, Vec<Vec<u32>>>>,
    /// How many lanes each step had.
    widths: Mutex<Vec<usize>>,
    largest_bank: AtomicUsize,
    /// Banks of more slots do not fit.
    most_slots: Option<usize>,
    /// Steps of more lanes do not fit.
    most_lanes: Option<usize>,
    /// After so many steps of all banks the device is lost.
    lost_after: Option<usize>,
    /// The training at whose steps a bank panics.
    panics_at: Option<u32>,
    is_slow: AtomicBool,
    budget: Option<u64>,
    /// Trainings with wider layers cannot be computed at all.
    widest: Option<usize>,
}

struct FakeBanks(Arc<World>);

struct FakeBank {
    world: Arc<World>,
    slots: Vec<Option<FakeLane>>,
}

#[derive(Clone)]
struct FakeLane {
    state: LaneState,
    losses: Vec<f32>,
    is_read: bool,
}

fn id(layers: &Layers) -> u32 {
    layers[0].bias[0] as u32
}

impl BankMaker for FakeBanks {
    fn padded(&self, width: usize) -> usize {
        width.next_multiple_of(16)
    }

    fn bytes_per_slot(&self, _: &BankShape) -> u64 {
        SLOT_BYTES
    }

    fn budget_bytes(&self) -> u64 {
        self.0.budget.unwrap_or(u64::MAX)
    }

    fn make(&self, shape: &BankShape, slots: usize) -> Result<Box<dyn LaneBank>, BankError> {
        if self.0.widest.is_some_and(|widest| shape.widths.iter().any(|width| *width > widest)) {
            return Err(BankError::Shape("it is too wide".to_owned()));
        }
        if self.0.most_slots.is_some_and(|most| most < slots) {
            return Err(BankError::OutOfMemory);
        }
        self.0.largest_bank.fetch_max(slots, Ordering::Relaxed);
        Ok(Box::new(FakeBank { world: self.0.clone(), slots: vec![None; slots] }))
    }
}

impl LaneBank for FakeBank {
    fn slots(&self) -> usize {
        self.slots.len()
    }

    fn load(&mut self, slot: usize, _: LaneSettings, state: &LaneState) -> Result<(), BankError> {
        let state = state.clone();
        self.slots[slot] = Some(FakeLane { state, losses: Vec::new(), is_read: false });
        Ok(())
    }

    fn step(&mut self, steps: &[LaneStep]) -> Result<(), BankError> {
        assert!(steps.is_sorted_by(|a, b| a.slot < b.slot) && !steps.is_empty());
        if self.world.most_lanes.is_some_and(|most| most < steps.len()) {
            return Err(BankError::OutOfMemory);
        }
        let mut widths = self.world.widths.lock().unwrap();
        if self.world.lost_after.is_some_and(|most| most <= widths.len()) {
            return Err(BankError::Device("it fell off the bus".to_owned()));
        }
        widths.push(steps.len());
        drop(widths);
        for LaneStep { slot, batch, is_read } in steps {
            let lane = self.slots[*slot].as_mut().expect("it is loaded");
            let id = id(&lane.state.layers);
            assert!(self.world.panics_at != Some(id), "training {id} is cursed");
            self.world.batches.lock().unwrap().entry(id).or_default().push(batch.to_vec());
            lane.losses.push(batch[0] as f32);
            lane.is_read = *is_read;
            lane.state.steps += 1;
            // Moves with the training.
            lane.state.layers[0].weight[0] += batch.iter().sum::<u32>() as f32;
        }
        if self.world.is_slow.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    fn read(&mut self, slots: &[usize]) -> Result<Vec<Reading>, BankError> {
        assert!(slots.is_sorted() && !slots.is_empty());
        let read = |slot: &usize| {
            let lane = self.slots[*slot].as_mut().expect("it is loaded");
            assert!(lane.is_read, "nobody said that it would be read");
            Reading {
                losses: std::mem::take(&mut lane.losses),
                gradient_norms: vec![lane.state.steps as f32],
                layers: lane.state.layers.clone(),
            }
        };
        Ok(slots.iter().map(read).collect())
    }

    fn unload(&mut self, slot: usize) -> Result<(LaneState, Vec<f32>), BankError> {
        let FakeLane { state, losses, .. } = self.slots[slot].take().expect("it is loaded");
        Ok((state, losses))
    }
}

fn groups(most: usize, world: World) -> (Arc<LaneGroups>, Arc<World>) {
    let world = Arc::new(world);
    let own = world.clone();
    (Arc::new(LaneGroups::new(most, move |_| Ok(Box::new(FakeBanks(own.clone()))))), world)
}

fn initial(id: u32, width: usize) -> Layers {
    vec![LayerValues { weight: vec![0.0; width * 2], bias: vec![id as f32; width] }]
}

fn go_on() -> Result<()> {
    Ok(())
}

/// The batches that a training hands in, of one to three examples each.
fn batches(id: u32, job: u32, count: u32) -> Vec<Vec<u32>> {
    (0..count).map(|step| vec![id * 1_000 + job * 100 + step; 1 + (step % 3) as usize]).collect()
}

fn train(lane: &mut dyn Lane, batches: &[Vec<u32>]) -> Result<Steps> {
    let batches: Vec<&[u32]> = batches.iter().map(Vec::as_slice).collect();
    lane.train(&batches, &go_on)
}

/// A training of so many jobs, each of so many steps, that is checked against what it has handed in.
fn training(groups: &LaneGroups, id: u32, width: usize, jobs: &[u32]) -> Result<()> {
    let config = MlpConfig { lr: f64::from(id) + 1.0, ..MlpConfig::default() };
    let scoring = Backend::Flex.device();
    let mut lane = groups.join(None, &config, 3, initial(id, width), scoring)?;
    let (mut sum, mut steps) = (0, 0);
    for (job, &count) in jobs.iter().enumerate() {
        let batches = batches(id, job as u32, count);
        let Steps { losses, gradient_norms } = train(&mut lane, &batches)?;
        let first: Vec<f32> = batches.iter().map(|batch| batch[0] as f32).collect();
        assert_eq!(losses, first, "training {id}");
        steps += count;
        assert_eq!(gradient_norms, [steps as f32], "training {id}");
        sum += batches.iter().flatten().sum::<u32>();
        let model = lane.model()?.values();
        assert_eq!(model[0].weight[0], sum as f32, "training {id}");
    }
    Ok(())
}

/// Trainings in threads: the errors of those that failed.
fn trainings(groups: &Arc<LaneGroups>, plans: &[(usize, Vec<u32>)]) -> BTreeMap<u32, String> {
    let handles: Vec<_> = plans
        .iter()
        .cloned()
        .enumerate()
        .map(|(id, (width, jobs))| {
            let groups = groups.clone();
            thread::spawn(move || training(&groups, id as u32, width, &jobs))
        })
        .collect();
    let ended = handles.into_iter().zip(0u32..);
    let ended = ended.map(|(handle, id)| (id, handle.join().expect("no assertion fails")));
    ended.filter_map(|(id, ended)| Some((id, ended.err()?.to_string()))).collect()
}

fn check_batches(world: &World, plans: &[(usize, Vec<u32>)]) {
    let seen = world.batches.lock().unwrap();
    for ((_, jobs), id) in plans.iter().zip(0..) {
        let jobs = jobs.iter().zip(0..);
        let expected: Vec<Vec<u32>> =
            jobs.flat_map(|(&count, job)| batches(id, job, count)).collect();
        assert_eq!(seen.get(&id).unwrap_or(&Vec::new()), &expected, "training {id}");
    }
}

/// Plans that differ in everything: widths (and so groups), jobs, steps.
fn mixed(count: usize) -> Vec<(usize, Vec<u32>)> {
    let plan = |n: usize| {
        let jobs = (0..1 + n % 3).map(|job| 1 + ((n * 7 + job * 5) % 9) as u32).collect();
        (1 + (n * 11) % 40, jobs)
    };
    (0..count).map(plan).collect()
}

#[test]
fn each_training_gets_its_own_batches_in_order_whoever_comes_and_goes() {
    for most in [1, 2, 7, 64] {
        let (groups, world) = groups(most, World::default());
        let plans = mixed(30);
        assert_eq!(trainings(&groups, &plans), BTreeMap::new());
        check_batches(&world, &plans);
        assert!(world.largest_bank.load(Ordering::Relaxed) <= most);
    }
}

/// Any number of trainings, slots, bytes of memory and lanes in a step, of which some trainings stop in the middle.
#[test]
fn whatever_there_is_room_for_each_training_gets_its_own_batches() {
    for seed in 0..30 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut some = |most: usize| rng.random_bool(0.5).then(|| 1 + rng.random_range(0..most));
        let world = World {
            most_slots: some(4),
            most_lanes: some(4),
            budget: some(6).map(|slots| slots as u64 * SLOT_BYTES + 7),
            ..World::default()
        };
        let most = 1 + rng.random_range(0..12);
        let (groups, world) = groups(most, world);
        let plans: Vec<(usize, Vec<u32>)> = (0..rng.random_range(1..20))
            .map(|_| {
                let jobs = (0..rng.random_range(0..4)).map(|_| rng.random_range(1..8)).collect();
                (rng.random_range(1..40), jobs)
            })
            .collect();
        let stopped: Vec<u32> = (100..100 + rng.random_range(0..5)).collect();
        thread::scope(|scope| {
            for id in stopped {
                let groups = &groups;
                scope.spawn(move || stopped_training(groups, id));
            }
            assert_eq!(trainings(&groups, &plans), BTreeMap::new(), "seed {seed}");
        });
        check_batches(&world, &plans);
    }
}

/// A training that is abandoned while its group works on it.
fn stopped_training(groups: &LaneGroups, id: u32) {
    let (config, scoring) = (MlpConfig::default(), Backend::Flex.device());
    let mut lane = groups.join(None, &config, 3, initial(id, 8), scoring).unwrap();
    let batches = vec![vec![id]; 500];
    let batches: Vec<&[u32]> = batches.iter().map(Vec::as_slice).collect();
    let asked = AtomicUsize::new(0);
    // The first time is before anything is handed in.
    let stop = || match asked.fetch_add(1, Ordering::Relaxed) {
        0 => Ok(()),
        _ => Err(Error::new("enough")),
    };
    let _ = lane.train(&batches, &stop);
}

#[test]
fn trainings_of_one_shape_share_steps() {
    let (groups, world) = groups(16, World::default());
    world.is_slow.store(true, Ordering::Relaxed);
    let plans = vec![(8, vec![10, 10]); 8];
    assert_eq!(trainings(&groups, &plans), BTreeMap::new());
    check_batches(&world, &plans);
    // 20 if all come at once; a busy machine may let some come later.
    let steps = world.widths.lock().unwrap().len();
    assert!(steps < 80, "{steps} steps for 160 of one training each");
}

#[test]
fn too_little_memory_makes_banks_smaller_and_fails_nobody() {
    let worlds = [
        World { most_slots: Some(3), ..World::default() },
        World { most_lanes: Some(3), ..World::default() },
        World { most_lanes: Some(1), most_slots: Some(5), ..World::default() },
        World { budget: Some(3 * SLOT_BYTES + 1), ..World::default() },
        World { budget: Some(SLOT_BYTES), ..World::default() },
        World { budget: Some(5 * SLOT_BYTES), most_lanes: Some(2), ..World::default() },
    ];
    for world in worlds {
        let (groups, world) = groups(32, world);
        let plans = mixed(20);
        assert_eq!(trainings(&groups, &plans), BTreeMap::new());
        check_batches(&world, &plans);
    }
}

#[test]
fn a_training_that_never_fits_says_so_with_numbers_and_the_others_go_on() {
    let (groups, _) = groups(4, World { budget: Some(SLOT_BYTES - 1), ..World::default() });
    let failed = trainings(&groups, &[(8, vec![1])]);
    assert_eq!(
        failed[&0],
        "a model of 16-16 in batches of 3 needs about 100 B of the device's memory, and trainings may take 99 B: fewer or smaller layers, or a smaller `batch_size`, need less"
    );
    let (groups, world) = self::groups(4, World { most_slots: Some(0), ..World::default() });
    let failed = trainings(&groups, &[(8, vec![1]), (8, vec![2])]);
    assert_eq!(failed.len(), 2);
    let told = "the device has too little memory: the training needs about 100 B";
    assert!(failed.values().all(|reason| reason == told), "{failed:?}");
    assert!(world.batches.lock().unwrap().is_empty());
}

#[test]
fn a_shape_that_cannot_be_computed_fails_and_no_other() {
    let (groups, _) = groups(4, World { widest: Some(32), ..World::default() });
    let failed =
        trainings(&groups, &[(8, vec![1, 2]), (40, vec![1]), (40, vec![1]), (20, vec![3])]);
    assert_eq!(failed.values().collect::<Vec<_>>(), ["it is too wide"; 2]);
    assert!(failed.contains_key(&1) && failed.contains_key(&2));
}

#[test]
fn a_lost_device_fails_those_on_it_with_its_reason_and_those_that_come_later() {
    let (groups, _) = groups(8, World { lost_after: Some(5), ..World::default() });
    let told = "the device computes no more: it fell off the bus";
    assert_eq!(trainings(&groups, &[(8, vec![3])]), BTreeMap::new());
    let failed = trainings(&groups, &vec![(8, vec![50]); 4]);
    assert_eq!(failed.len(), 4);
    assert!(failed.values().all(|reason| reason == told), "{failed:?}");
    assert_eq!(trainings(&groups, &[(8, vec![1])])[&0], told);
}

#[test]
fn a_panic_in_a_bank_fails_those_in_it_and_nobody_after() {
    let (groups, _) = groups(8, World { panics_at: Some(0), ..World::default() });
    let failed = trainings(&groups, &[(8, vec![2])]);
    assert_eq!(failed[&0], "panic: training 0 is cursed");
    let failed = trainings(&groups, &vec![(8, vec![2, 3]); 3]);
    assert!(failed.contains_key(&0) && failed.len() <= 3, "{failed:?}");
    for id in 1..5 {
        training(&groups, id, 8, &[1, 2]).expect("it comes later");
    }
}

#[test]
fn a_training_that_sleeps_hears_a_stop_and_leaves_its_slot() {
    let (groups, world) = groups(1, World::default());
    world.is_slow.store(true, Ordering::Relaxed);
    let config = MlpConfig::default();
    let join = |id| groups.join(None, &config, 3, initial(id, 8), Backend::Flex.device()).unwrap();
    let asked = AtomicUsize::new(0);
    let stop = || match asked.fetch_add(1, Ordering::Relaxed) {
        0..3 => Ok(()),
        _ => Err(Error::new("enough")),
    };
    let mut lane = join(0);
    let long: Vec<Vec<u32>> = batches(0, 0, 90);
    let long: Vec<&[u32]> = long.iter().map(Vec::as_slice).collect();
    let ended = lane.train(&long, &stop).map_err(|error| error.to_string());
    assert_eq!(ended, Err("enough".to_owned()));
    drop(lane);
    world.is_slow.store(false, Ordering::Relaxed);
    // There is one slot, and it is free.
    let mut other = join(1);
    assert_eq!(train(&mut other, &[vec![7], vec![8]]).unwrap().losses, [7.0, 8.0]);
    assert!(world.batches.lock().unwrap()[&0].len() < 90);
}

#[test]
fn a_training_that_does_something_else_holds_up_nobody() {
    let (groups, world) = groups(2, World::default());
    let config = MlpConfig::default();
    let mut idle = groups.join(None, &config, 3, initial(9, 8), Backend::Flex.device()).unwrap();
    train(&mut idle, &[vec![1]]).unwrap();
    let plans = vec![(8, vec![5, 5, 5]); 6];
    assert_eq!(trainings(&groups, &plans), BTreeMap::new());
    check_batches(&world, &plans);
    // And it goes on where it was.
    let steps = train(&mut idle, &[vec![2], vec![3]]).unwrap();
    assert_eq!((steps.losses, steps.gradient_norms), (vec![2.0, 3.0], vec![3.0]));
}
