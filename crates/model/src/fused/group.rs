//! A group: the thread that makes the steps of all trainings of one shape on one device, and deals out the slots of its
//! bank.
//!
//! Trainings come and go as they like. What a training computes depends on its own batches alone, so nothing here is about
//! numbers: only about who has a slot, and who is waited for.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::bank::{BankError, BankMaker, BankShape, LaneBank, LaneSettings, LaneStep, Reading};
use super::fault::{Fault, discard, guarded, lost};
use super::memory::{DeviceMemory, Room, Shortage, megabytes};
use crate::lane_state::LaneState;

/// How long a step waits at most for trainings that have handed in nothing: they are often about to. Counted in rests,
/// since the clock is not read here.
const RESTS: u32 = 4;
const REST: Duration = Duration::from_micros(500);
/// How often somebody who waits for memory looks whether there is some.
const RETRY: Duration = Duration::from_millis(20);
/// How long a bank is kept that nobody uses.
const IDLE: Duration = Duration::from_millis(200);

/// What a training says to its group.
pub(super) enum Message {
    /// It is there, with its initial numbers.
    Join { id: u64, settings: LaneSettings, state: LaneState, replies: Sender<Reply> },
    /// It has batches.
    Train { id: u64, batches: Vec<Vec<u32>> },
    /// It has ended, however that came.
    Leave { id: u64 },
}

/// What was read after a training's batches, or why it cannot go on.
pub(super) type Reply = Result<Reading, String>;

/// A device whose banks are all made from the same examples.
pub(super) struct FusedDevice {
    pub maker: Box<dyn BankMaker>,
    pub memory: Arc<DeviceMemory>,
    /// Why it computes no more, where that is so.
    pub lost: OnceLock<String>,
}

/// Trainings of one shape on one device.
pub(super) struct Group {
    shape: BankShape,
    device: Arc<FusedDevice>,
    /// More slots than that are of no use, or were found to need too much memory.
    most_slots: usize,
    /// By their number, so in the order in which they came.
    lanes: BTreeMap<u64, Member>,
    bank: Option<Seats>,
    rests: u32,
    /// Where memory is waited for.
    shortage: Option<Shortage>,
}

/// A bank, and who has its slots.
struct Seats {
    bank: Box<dyn LaneBank>,
    lanes: Vec<Option<u64>>,
    /// Dropped after the bank.
    room: Room,
}

/// A training of the group.
struct Member {
    settings: LaneSettings,
    replies: Sender<Reply>,
    place: Place,
    /// What it has handed in.
    job: Option<Job>,
}

enum Place {
    /// It has no slot, and is in this state.
    Outside(LaneState),
    Slot(usize),
}

struct Job {
    batches: Vec<Vec<u32>>,
    done: usize,
    /// What was read before the training was moved.
    losses: Vec<f32>,
}

/// What there is to do.
enum Listened {
    Work,
    Nothing,
    Over,
}

impl Group {
    /// A group without trainings, with at most `most_slots` slots.
    pub fn new(shape: BankShape, device: Arc<FusedDevice>, most_slots: usize) -> Self {
        let (lanes, bank) = (BTreeMap::new(), None);
        Group { shape, device, most_slots, lanes, bank, rests: 0, shortage: None }
    }

    /// Serves trainings until all who could send messages are gone. `retire` is called when nobody has come for a while:
    /// nobody new should find the group any more.
    pub fn serve(mut self, messages: &Receiver<Message>, retire: impl FnOnce()) {
        let mut retire = Some(retire);
        loop {
            match self.listen(messages) {
                Listened::Over => return,
                Listened::Nothing if self.lanes.is_empty() => {
                    self.bank = None;
                    if let Some(retire) = retire.take() {
                        retire();
                    }
                }
                // Trainings that do something else for so long do without a slot where others need the memory.
                Listened::Nothing if self.device.memory.is_short() => drop(self.unload()),
                Listened::Nothing => {}
                Listened::Work => {
                    self.seat();
                    self.step();
                }
            }
        }
    }

    /// Takes up what is said, and waits until there is something to do.
    fn listen(&mut self, messages: &Receiver<Message>) -> Listened {
        loop {
            while let Ok(message) = messages.try_recv() {
                self.take(message);
            }
            let has_work = self.has_work();
            let patience = match has_work {
                true if self.can_step() || self.shortage.is_none() => return self.rest(messages),
                true => RETRY,
                false => IDLE,
            };
            match messages.recv_timeout(patience) {
                Ok(message) => self.take(message),
                Err(RecvTimeoutError::Disconnected) => return Listened::Over,
                Err(RecvTimeoutError::Timeout) if has_work => return Listened::Work,
                Err(RecvTimeoutError::Timeout) => return Listened::Nothing,
            }
        }
    }

    /// Gives trainings that have handed in nothing a moment to do so, where they are most of all: a step for many costs
    /// hardly more than one for few. So does opening a bank, where they have only begun to come.
    fn rest(&mut self, messages: &Receiver<Message>) -> Listened {
        while self.rests > 0 && (self.bank.is_none() || self.mostly_idle()) {
            match messages.recv_timeout(REST) {
                Ok(message) => self.take(message),
                Err(RecvTimeoutError::Timeout) => self.rests -= 1,
                Err(RecvTimeoutError::Disconnected) => return Listened::Over,
            }
        }
        Listened::Work
    }

    fn mostly_idle(&self) -> bool {
        let idle = self.lanes.values().filter(|lane| lane.job.is_none()).count();
        idle * 2 > self.lanes.len()
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Join { id, settings, state, replies } => {
                self.rests = RESTS;
                let place = Place::Outside(state);
                self.lanes.insert(id, Member { settings, replies, place, job: None });
            }
            // Where it has failed meanwhile, it has been told.
            Message::Train { id, batches } => {
                if let Some(lane) = self.lanes.get_mut(&id) {
                    lane.job = Some(Job { batches, done: 0, losses: Vec::new() });
                }
            }
            Message::Leave { id } => self.remove(id),
        }
    }

    fn has_work(&self) -> bool {
        self.lanes.values().any(|lane| lane.job.is_some())
    }

    fn can_step(&self) -> bool {
        self.lanes.values().any(|lane| lane.job.is_some() && lane.slot().is_some())
    }

    /// The trainings that have handed something in and have no slot.
    fn outside(&self) -> Vec<u64> {
        let lanes = self.lanes.iter();
        let outside = lanes.filter(|(_, lane)| lane.job.is_some() && lane.slot().is_none());
        outside.map(|(id, _)| *id).collect()
    }

    fn slots(&self) -> usize {
        self.bank.as_ref().map_or(0, |seats| seats.lanes.len())
    }

    fn seated(&self) -> usize {
        self.bank.as_ref().map_or(0, |seats| seats.lanes.iter().flatten().count())
    }

    /// Gives slots to those that need one, and makes the bank larger or smaller where that helps.
    fn seat(&mut self) {
        let (slots, seated) = (self.slots(), self.seated());
        let wanted = (seated + self.outside().len()).min(self.most_slots);
        let others_wait = self.shortage.is_none() && self.device.memory.is_short();
        if wanted > slots {
            self.grow(wanted.next_power_of_two().min(self.most_slots));
        } else if others_wait && wanted.next_power_of_two() < slots {
            let room = self.unload();
            self.open(room, wanted.next_power_of_two());
        }
        self.load();
    }

    /// A bank of up to so many slots, which is more than there are, as far as there is memory.
    fn grow(&mut self, slots: usize) {
        if let Some(seats) = &mut self.bank {
            let before = seats.room.slots;
            seats.room.grow(slots);
            if seats.room.slots == before {
                return;
            }
        }
        let room = self.unload();
        self.open(room, slots);
    }

    /// Loads those that need a slot, as far as there are slots.
    fn load(&mut self) {
        for id in self.outside() {
            self.make_place();
            let (Some(seats), Some(lane)) = (&mut self.bank, self.lanes.get_mut(&id)) else {
                return;
            };
            let Some(slot) = seats.lanes.iter().position(Option::is_none) else { return };
            let Place::Outside(state) = &lane.place else { continue };
            match guarded(|| seats.bank.load(slot, lane.settings, state)) {
                Ok(()) => {
                    seats.lanes[slot] = Some(id);
                    lane.place = Place::Slot(slot);
                }
                Err(fault) => return self.cope(fault),
            }
        }
    }

    /// Where all slots are taken, takes a training out that has handed in nothing: it may be long until it does.
    fn make_place(&mut self) {
        let Some(seats) = &self.bank else { return };
        let mut idle = None;
        for (slot, id) in seats.lanes.iter().enumerate() {
            let Some(id) = id else { return };
            if self.lanes.get(id).is_some_and(|lane| lane.job.is_none()) {
                idle.get_or_insert((slot, *id));
            }
        }
        if let Some((slot, id)) = idle {
            self.take_out(slot, id);
        }
    }

    /// A bank of so many slots, or as many fewer as there is memory for.
    fn open(&mut self, room: Option<Room>, slots: usize) {
        let bytes = self.device.maker.bytes_per_slot(&self.shape);
        let room = room.or_else(|| self.device.memory.reserve(bytes, slots));
        let Some(mut room) = room else {
            self.shortage.get_or_insert_with(|| self.device.memory.wait());
            return;
        };
        room.shrink(slots);
        match guarded(|| self.device.maker.make(&self.shape, room.slots)) {
            Ok(bank) => {
                let lanes = vec![None; bank.slots()];
                self.bank = Some(Seats { bank, lanes, room });
                self.shortage = None;
            }
            Err(Fault::Bank(BankError::OutOfMemory)) => self.halve(Some(room)),
            Err(fault) => {
                drop(room);
                self.cope(fault);
            }
        }
    }

    /// Takes all trainings out of the bank, and gives it up: its room is left.
    fn unload(&mut self) -> Option<Room> {
        for slot in 0..self.slots() {
            let id = self.bank.as_ref().and_then(|seats| seats.lanes[slot]);
            if let Some(id) = id {
                self.take_out(slot, id);
            }
        }
        let seats = self.bank.take()?;
        // The bank goes first: the next one has its memory.
        let Seats { bank, room, .. } = seats;
        discard(bank);
        Some(room)
    }

    fn take_out(&mut self, slot: usize, id: u64) {
        let (Some(seats), Some(lane)) = (&mut self.bank, self.lanes.get_mut(&id)) else { return };
        match guarded(|| seats.bank.unload(slot)) {
            Ok((state, losses)) => {
                seats.lanes[slot] = None;
                lane.place = Place::Outside(state);
                if let Some(job) = &mut lane.job {
                    job.losses.extend(losses);
                }
            }
            Err(Fault::Bank(BankError::OutOfMemory)) => {
                self.fail(id, "the device has too little memory for the training to be moved");
            }
            Err(fault) => self.cope(fault),
        }
    }

    /// There is too little memory for a bank of this room, or of the one that there is.
    fn halve(&mut self, room: Option<Room>) {
        let Some(mut room) = room.or_else(|| self.unload()) else { return };
        if room.slots > 1 {
            self.most_slots = room.slots / 2;
            room.shrink(self.most_slots);
            return self.open(Some(room), self.most_slots);
        }
        drop(room);
        if self.device.memory.is_used() {
            // Other banks have it: this one begins when one of them has ended.
            self.shortage.get_or_insert_with(|| self.device.memory.wait());
            return;
        }
        let needs = megabytes(self.device.maker.bytes_per_slot(&self.shape));
        let reason = format!("the device has too little memory: the training needs about {needs}");
        self.outside().into_iter().for_each(|id| self.fail(id, &reason));
    }

    /// Goes on after a bank has failed in something that has not changed any training.
    fn cope(&mut self, fault: Fault) {
        match fault {
            Fault::Bank(BankError::OutOfMemory) => self.halve(None),
            Fault::Bank(BankError::Device(reason)) => self.lose(reason),
            Fault::Bank(BankError::Shape(reason)) => self.fail_all(&reason),
            // Nobody knows in which state the bank is: those in it are lost, and the next begin with a new one.
            Fault::Panic(_) => {
                let seats = self.bank.take();
                let seated: Vec<u64> = match &seats {
                    Some(seats) => seats.lanes.iter().flatten().copied().collect(),
                    None => Vec::new(),
                };
                let ids = if seated.is_empty() { self.outside() } else { seated };
                ids.into_iter().for_each(|id| self.fail(id, &fault.to_string()));
                discard(seats);
            }
        }
    }

    /// The device computes no more.
    fn lose(&mut self, reason: String) {
        let reason = lost(self.device.lost.get_or_init(|| reason));
        self.fail_all(&reason);
    }

    /// Fails all trainings of the group.
    fn fail_all(&mut self, reason: &str) {
        let bank = self.bank.take();
        discard(bank);
        let ids: Vec<u64> = self.lanes.keys().copied().collect();
        ids.into_iter().for_each(|id| self.fail(id, reason));
    }

    /// A step for all that have a slot and a batch.
    fn step(&mut self) {
        let Some(seats) = &mut self.bank else { return };
        let mut steps = Vec::with_capacity(seats.lanes.len());
        for (slot, id) in seats.lanes.iter().enumerate() {
            let Some(job) = id.and_then(|id| self.lanes.get(&id)?.job.as_ref()) else { continue };
            let is_read = job.done + 1 == job.batches.len();
            steps.push(LaneStep { slot, batch: &job.batches[job.done], is_read });
        }
        if steps.is_empty() {
            return;
        }
        if let Err(fault) = guarded(|| seats.bank.step(&steps)) {
            return self.cope(fault);
        }
        let stepped: Vec<u64> = steps.iter().filter_map(|step| seats.lanes[step.slot]).collect();
        let read: Vec<usize> =
            steps.iter().filter(|step| step.is_read).map(|step| step.slot).collect();
        for id in stepped {
            if let Some(job) = self.lanes.get_mut(&id).and_then(|lane| lane.job.as_mut()) {
                job.done += 1;
            }
        }
        if !read.is_empty() {
            self.rests = RESTS;
            self.read(&read);
        }
    }

    /// Reads those in these slots, and answers them.
    fn read(&mut self, slots: &[usize]) {
        let Some(seats) = &mut self.bank else { return };
        match guarded(|| seats.bank.read(slots)) {
            Ok(readings) => {
                for (slot, reading) in slots.iter().zip(readings) {
                    self.answer(*slot, reading);
                }
            }
            // Each by itself needs the least.
            Err(Fault::Bank(BankError::OutOfMemory)) if slots.len() > 1 => {
                slots.iter().for_each(|slot| self.read(&[*slot]));
            }
            Err(Fault::Bank(BankError::OutOfMemory)) => {
                if let Some(id) = seats.lanes[slots[0]] {
                    self.fail(id, "the device has too little memory for the training to be read");
                }
            }
            Err(fault) => self.cope(fault),
        }
    }

    fn answer(&mut self, slot: usize, mut reading: Reading) {
        let id = self.bank.as_ref().and_then(|seats| seats.lanes[slot]);
        let Some(lane) = id.and_then(|id| self.lanes.get_mut(&id)) else { return };
        let Some(job) = lane.job.take() else { return };
        if !job.losses.is_empty() {
            reading.losses.splice(0..0, job.losses);
        }
        // Where it has gone meanwhile, nobody wants it.
        let _ = lane.replies.send(Ok(reading));
    }

    fn fail(&mut self, id: u64, reason: &str) {
        if let Some(lane) = self.lanes.get(&id) {
            let _ = lane.replies.send(Err(reason.to_owned()));
        }
        self.remove(id);
    }

    fn remove(&mut self, id: u64) {
        let slot = self.lanes.remove(&id).and_then(|lane| lane.slot());
        if let (Some(seats), Some(slot)) = (&mut self.bank, slot) {
            seats.lanes[slot] = None;
        }
    }
}

impl Member {
    fn slot(&self) -> Option<usize> {
        match self.place {
            Place::Outside(_) => None,
            Place::Slot(slot) => Some(slot),
        }
    }
}
