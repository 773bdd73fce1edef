//! The groups of this process, one for each shape and device, and a training's way into its group.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use burn::tensor::Device;
use burn_tune::{Error, Result};

use super::bank::{BankMaker, BankShape, LaneSettings, Reading};
use super::fault::lost;
use super::group::{FusedDevice, Group, Message, Reply};
use super::memory::{DeviceMemory, megabytes};
use crate::config::MlpConfig;
use crate::lane::{Lane, Steps};
use crate::lane_state::LaneState;
use crate::layer_values::Layers;
use crate::mlp::Mlp;

/// How often a training that sleeps asks whether it is to be abandoned.
const CHECK_EVERY: Duration = Duration::from_millis(100);

/// Makes what makes the banks of the device with this number, or of the default one.
type Devices = dyn Fn(Option<usize>) -> Result<Box<dyn BankMaker>, String> + Send + Sync;

/// Trainings of this process that are computed together.
pub(crate) struct LaneGroups {
    most_lanes: usize,
    devices: Box<Devices>,
    known: Mutex<HashMap<Option<usize>, Arc<FusedDevice>>>,
    running: Arc<Running>,
    next_id: AtomicU64,
}

/// The way to each group that has a thread.
type Running = Mutex<HashMap<Key, Sender<Message>>>;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    device: Option<usize>,
    shape: BankShape,
}

/// A training that its group computes: this thread hands in batches, and sleeps.
pub(crate) struct FusedLane {
    id: u64,
    config: MlpConfig,
    group: Sender<Message>,
    replies: Receiver<Reply>,
    /// The numbers as they were last read.
    layers: Layers,
    /// Where the model is scored.
    scoring: Device,
}

impl LaneGroups {
    /// Groups of at most `most_lanes` trainings each, on devices that `devices` opens when they are first asked for.
    pub fn new(
        most_lanes: usize,
        devices: impl Fn(Option<usize>) -> Result<Box<dyn BankMaker>, String> + Send + Sync + 'static,
    ) -> Self {
        let (known, running) = (Mutex::default(), Arc::default());
        let devices = Box::new(devices);
        LaneGroups { most_lanes, devices, known, running, next_id: AtomicU64::new(0) }
    }

    /// How many trainings a group has at most.
    pub fn most_lanes(&self) -> usize {
        self.most_lanes
    }

    /// How many trainings of shapes such as these (sizes of layers and batches) the device with this number has memory for
    /// at once, at least one and at most as many as a group has.
    ///
    /// # Errors
    ///
    /// Where there is no such device.
    pub fn fitting(&self, device: Option<usize>, shapes: &[BankShape]) -> Result<usize> {
        let opened = self.device(device)?;
        let bytes = shapes.iter().map(|shape| opened.maker.bytes_per_slot(&padded(&opened, shape)));
        // On average: of shapes that are not alike, each has a share.
        let average = bytes.fold(0, u64::saturating_add) / (shapes.len() as u64).max(1);
        let fitting = opened.memory.total() / average.max(1);
        Ok(usize::try_from(fitting).unwrap_or(usize::MAX).clamp(1, self.most_lanes))
    }

    /// A training of `config`'s model on the device with this number, in steps of at most `batch_size` examples. Its model
    /// is given out on `scoring`.
    ///
    /// # Errors
    ///
    /// Where the device computes no more, or does not have the memory.
    pub fn join(
        &self,
        device: Option<usize>,
        config: &MlpConfig,
        batch_size: usize,
        initial: Layers,
        scoring: Device,
    ) -> Result<FusedLane> {
        let opened = self.device(device)?;
        if let Some(reason) = opened.lost.get() {
            return Err(Error::new(lost(reason)));
        }
        let inputs = initial.first().map(|layer| layer.inputs());
        let widths = inputs.into_iter().chain(initial.iter().map(|layer| layer.outputs()));
        let shape = padded(&opened, &BankShape { widths: widths.collect(), batch_size });
        check_memory(&opened, &shape)?;
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let (sender, replies) = channel();
        let settings =
            LaneSettings { activation: config.activation, softmax: config.softmax, lr: config.lr };
        let state = LaneState::fresh(initial.clone());
        let join = Message::Join { id, settings, state, replies: sender };
        let group = self.send(Key { device, shape }, opened, join)?;
        Ok(FusedLane { id, config: config.clone(), group, replies, layers: initial, scoring })
    }

    fn device(&self, number: Option<usize>) -> Result<Arc<FusedDevice>> {
        match locked(&self.known).entry(number) {
            Entry::Occupied(entry) => Ok(entry.get().clone()),
            Entry::Vacant(entry) => {
                let maker = (self.devices)(number).map_err(Error::new)?;
                let memory = DeviceMemory::new(maker.budget_bytes());
                let device = FusedDevice { maker, memory, lost: OnceLock::new() };
                Ok(entry.insert(Arc::new(device)).clone())
            }
        }
    }

    /// Says it to the group, which is begun where there is none; while the groups are locked, none ends.
    fn send(
        &self,
        key: Key,
        device: Arc<FusedDevice>,
        message: Message,
    ) -> Result<Sender<Message>> {
        let mut running = locked(&self.running);
        let gone = || Error::new("the thread that computes trainings of this shape has ended");
        if let Some(group) = running.get(&key) {
            group.send(message).map_err(|_| gone())?;
            return Ok(group.clone());
        }
        let (sender, messages) = channel();
        sender.send(message).map_err(|_| gone())?;
        let (all, own, most) = (Arc::downgrade(&self.running), key.clone(), self.most_lanes);
        // A bank is made and used on this one thread.
        let body =
            move || serve(Group::new(own.shape.clone(), device, most), &messages, &all, &own);
        thread::Builder::new().name("lanes".to_owned()).spawn(body).map_err(|error| {
            Error::new(format!("no thread can be started that computes trainings: {error}"))
        })?;
        running.insert(key, sender.clone());
        Ok(sender)
    }
}

/// What a group's thread does.
fn serve(group: Group, messages: &Receiver<Message>, all: &Weak<Running>, own: &Key) {
    // As those of the workers: so sums have one order, and no core is taken from others.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build();
    let _pool = pool.expect("a fresh thread is in no pool yet");
    // One that joined just before is served all the same: it, too, has the way to this thread.
    group.serve(messages, || {
        if let Some(all) = all.upgrade() {
            locked(&all).remove(own);
        }
    });
}

/// As the device's banks have it.
fn padded(device: &FusedDevice, shape: &BankShape) -> BankShape {
    let widths = shape.widths.iter().map(|width| device.maker.padded(*width)).collect();
    BankShape { widths, ..*shape }
}

fn check_memory(device: &FusedDevice, shape: &BankShape) -> Result<()> {
    let (needs, has) = (device.maker.bytes_per_slot(shape), device.memory.total());
    if needs <= has {
        return Ok(());
    }
    let widths: Vec<String> = shape.widths.iter().map(ToString::to_string).collect();
    let (shape, batch_size) = (widths.join("-"), shape.batch_size);
    Err(Error::new(format!(
        "a model of {shape} in batches of {batch_size} needs about {} of the device's memory, and trainings may take {}: fewer or smaller layers, or a smaller `batch_size`, need less",
        megabytes(needs),
        megabytes(has)
    )))
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for LaneGroups {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LaneGroups").field("most_lanes", &self.most_lanes).finish_non_exhaustive()
    }
}

impl Lane for FusedLane {
    fn train(&mut self, batches: &[&[u32]], check_stop: &dyn Fn() -> Result<()>) -> Result<Steps> {
        check_stop()?;
        let batches = batches.iter().map(|batch| batch.to_vec()).collect();
        let ended = || Error::new("the thread that computes this training has ended");
        self.group.send(Message::Train { id: self.id, batches }).map_err(|_| ended())?;
        let reply = loop {
            match self.replies.recv_timeout(CHECK_EVERY) {
                Ok(reply) => break reply,
                Err(RecvTimeoutError::Timeout) => check_stop()?,
                Err(RecvTimeoutError::Disconnected) => return Err(ended()),
            }
        };
        let Reading { losses, gradient_norms, layers } = reply.map_err(Error::new)?;
        self.layers = layers;
        Ok(Steps { losses, gradient_norms })
    }

    fn model(&mut self) -> Result<Mlp> {
        Ok(Mlp::from_values(&self.config, self.layers.clone(), &self.scoring))
    }
}

impl Drop for FusedLane {
    fn drop(&mut self) {
        // A group that is gone has nothing left to free.
        let _ = self.group.send(Message::Leave { id: self.id });
    }
}
