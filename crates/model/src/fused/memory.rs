//! The memory of one device, shared out among its banks.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How much there is, and how much of it banks have.
#[derive(Debug)]
pub(super) struct DeviceMemory {
    total: u64,
    used: Mutex<u64>,
    /// How many groups wait for some.
    waiting: AtomicUsize,
}

/// Memory for so many slots of a bank; dropped, it is free again.
#[derive(Debug)]
pub(super) struct Room {
    memory: Arc<DeviceMemory>,
    bytes_per_slot: u64,
    /// At least one.
    pub slots: usize,
}

/// Somebody waits for memory: banks with empty slots give some back.
#[derive(Debug)]
pub(super) struct Shortage(Arc<DeviceMemory>);

impl DeviceMemory {
    /// A device with so many bytes for banks.
    pub fn new(total: u64) -> Arc<Self> {
        Arc::new(DeviceMemory { total, used: Mutex::new(0), waiting: AtomicUsize::new(0) })
    }

    /// All that banks may have together, in bytes.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Memory for as many slots as there is memory for, and at most `most`; `None` where there is not even enough for
    /// one.
    pub fn reserve(self: &Arc<Self>, bytes_per_slot: u64, most: usize) -> Option<Room> {
        let mut room = Room { memory: self.clone(), bytes_per_slot, slots: 0 };
        room.grow(most);
        (room.slots > 0).then_some(room)
    }

    /// Whether some bank has memory.
    pub fn is_used(&self) -> bool {
        *self.used() > 0
    }

    fn used(&self) -> MutexGuard<'_, u64> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says that somebody waits, until what is returned is dropped.
    pub fn wait(self: &Arc<Self>) -> Shortage {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        Shortage(self.clone())
    }

    /// Whether somebody waits.
    pub fn is_short(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }
}

impl Room {
    /// Takes more, up to `most` slots, as far as there is memory.
    pub fn grow(&mut self, most: usize) {
        let mut used = self.memory.used();
        let free = self.memory.total.saturating_sub(*used) / self.bytes_per_slot.max(1);
        let more = usize::try_from(free).unwrap_or(usize::MAX).min(most.saturating_sub(self.slots));
        *used += more as u64 * self.bytes_per_slot;
        self.slots += more;
    }

    /// Gives back what `slots` slots, at least one, do not need.
    pub fn shrink(&mut self, slots: usize) {
        let fewer = self.slots.saturating_sub(slots.max(1));
        *self.memory.used() -= fewer as u64 * self.bytes_per_slot;
        self.slots -= fewer;
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        *self.memory.used() -= self.slots as u64 * self.bytes_per_slot;
    }
}

impl Drop for Shortage {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// So many bytes, for people.
pub(super) fn megabytes(bytes: u64) -> String {
    match bytes {
        0..100_000 => format!("{bytes} B"),
        100_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_bank_has_no_other_gets_until_it_is_given_back() {
        let memory = DeviceMemory::new(100);
        let slots = |room: &Option<Room>| room.as_ref().map(|room| room.slots);
        let (one, other) = (memory.reserve(30, 2), memory.reserve(15, 9));
        assert_eq!((slots(&one), slots(&other)), (Some(2), Some(2)));
        assert_eq!(slots(&memory.reserve(30, 1)), None);
        drop(one);
        assert_eq!(slots(&memory.reserve(30, 9)), Some(2));
        drop(other);
        assert!(!memory.is_used());
    }

    #[test]
    fn a_room_grows_as_far_as_there_is_memory_and_shrinks_to_one_slot_at_least() {
        let memory = DeviceMemory::new(100);
        let (mut one, other) = (memory.reserve(10, 2).unwrap(), memory.reserve(50, 1).unwrap());
        one.grow(9);
        assert_eq!(one.slots, 5);
        one.shrink(0);
        drop(other);
        assert_eq!((one.slots, memory.reserve(10, 99).unwrap().slots), (1, 9));
        drop(one);
        assert!(!memory.is_used());
    }

    #[test]
    fn memory_is_short_as_long_as_somebody_waits() {
        let memory = DeviceMemory::new(1);
        let (one, other) = (memory.wait(), memory.wait());
        drop(one);
        assert!(memory.is_short());
        drop(other);
        assert!(!memory.is_short());
    }
}
