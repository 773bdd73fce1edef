//! Whose turn it is to write: first come, first served. SQLite itself has those who wait look again after growing
//! pauses, so with many of them the file is idle while all sleep, and who comes late may be first.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

#[derive(Default)]
struct Queue {
    taken: bool,
    waiting: VecDeque<(u64, Sender<()>)>,
    next: u64,
}

/// Whose turn it is.
#[derive(Clone, Default)]
pub(super) struct Turns(Arc<Mutex<Queue>>);

/// A turn, until it is dropped.
pub(super) struct Turn(Turns);

impl Turns {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a turn, or not longer than `limit`.
    pub fn take(&self, limit: Duration) -> Option<Turn> {
        let (number, comes) = match self.enqueue() {
            None => return Some(Turn(self.clone())),
            Some(place) => place,
        };
        if comes.recv_timeout(limit).is_ok() {
            return Some(Turn(self.clone()));
        }
        let mut queue = self.queue();
        let place = queue.waiting.iter().position(|(waiting, _)| *waiting == number);
        match place {
            Some(place) => {
                queue.waiting.remove(place);
                None
            }
            // It came while patience ended.
            None => Some(Turn(self.clone())),
        }
    }

    /// Takes the turn if it is nobody's, else a place in the queue.
    fn enqueue(&self) -> Option<(u64, Receiver<()>)> {
        let mut queue = self.queue();
        if !queue.taken {
            queue.taken = true;
            return None;
        }
        let (sender, receiver) = channel();
        let number = queue.next;
        queue.next += 1;
        queue.waiting.push_back((number, sender));
        Some((number, receiver))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut queue = self.0.queue();
        // Who waits no longer has left the queue before it has left the channel.
        match queue.waiting.pop_front() {
            Some((_, next)) => drop(next.send(())),
            None => queue.taken = false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use super::*;

    #[test]
    fn one_at_a_time_has_the_turn_and_all_come_to_it() {
        let (turns, inside, done) = (Turns::default(), AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        // Some give up, whatever has come to them by then.
                        let Some(turn) = turns.take(Duration::from_micros(300)) else { continue };
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                        inside.fetch_sub(1, Ordering::SeqCst);
                        done.fetch_add(1, Ordering::SeqCst);
                        drop(turn);
                    }
                });
            }
        });
        assert!(done.load(Ordering::SeqCst) >= 200);
        assert!(turns.take(Duration::ZERO).is_some(), "it is nobody's any more");
    }

    #[test]
    fn who_waits_gets_it_when_it_is_given_back_and_not_before() {
        let turns = Turns::default();
        let turn = turns.take(Duration::ZERO).unwrap();
        assert!(turns.take(Duration::from_millis(10)).is_none());
        thread::scope(|scope| {
            let waits = scope.spawn(|| turns.take(Duration::from_secs(60)).is_some());
            thread::sleep(Duration::from_millis(20));
            drop(turn);
            assert!(waits.join().unwrap());
        });
    }
}
