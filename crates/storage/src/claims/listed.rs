//! Beginning trials that can be listed: what each tries follows from its place among ours, so nobody has to know
//! what the others have come to. Many short trials are begun together, and what others do is read seldom.

use std::sync::atomic::Ordering;
use std::time::Duration;

use burn_tune_search::Candidate;
use burn_tune_search::clock::Stopwatch;
use burn_tune_search::store::CandidateAt;

use super::StudyStore;
use super::acquire::{OpenTrials, begin, others_at_work};
use crate::StorageError;
use crate::attributes::NEXT_PLACE;
use crate::database::{Access, Database, Row, Value};
use crate::row_reader::RowReader;
use crate::studies::{STUDY_SYSTEM_ATTRIBUTE, lock_and_query, set_study_system_attribute};

/// How often it is looked at least whether a trial was left, and what others do is read at most.
const LOOK: Duration = Duration::from_secs(1);
/// What others do is read when so much time has passed for each trial that is new and each process that reads it:
/// that keeps a core of the server busy for about a seventh of the time, however many processes there are. All of it
/// is read in the end.
const READ_FOR_EACH: Duration = Duration::from_micros(200);

/// How far a process begins trials without a look at what others do.
pub struct Ahead {
    /// When what others do was last read; `None` before the first time.
    read: Option<Stopwatch>,
    /// When it was last looked whether a trial was left.
    looked: Stopwatch,
    /// The number behind the last trial that is known to have begun.
    next: usize,
    /// Whether what others do was told since trials were last begun so.
    told: bool,
}

impl Ahead {
    fn new() -> Self {
        Ahead { read: None, looked: Stopwatch::start(), next: 0, told: false }
    }

    /// What others do was read.
    pub fn has_read(&mut self) {
        self.read = Some(Stopwatch::start());
        self.looked = Stopwatch::start();
    }

    /// Whether trials can be begun with what was read; what was in vain is not tried again.
    pub fn is_to_try(&mut self) -> bool {
        !std::mem::replace(&mut self.told, true)
    }

    /// Whether it is time to read again, where the first `known` trials have been, by so many processes.
    fn is_to_read(&self, known: usize, processes: usize) -> bool {
        let readings = self.next.saturating_sub(known).saturating_mul(processes);
        let pause = READ_FOR_EACH.saturating_mul(u32::try_from(readings).unwrap_or(u32::MAX));
        let pause = pause.max(LOOK);
        self.read.as_ref().is_none_or(|read| read.elapsed() >= pause)
    }
}

impl StudyStore {
    /// [`Store::claim_listed`](burn_tune_search::store::Store::claim_listed).
    pub(super) fn begin_listed(
        &mut self,
        most: usize,
        candidate: &mut CandidateAt,
    ) -> Result<Vec<(usize, Candidate)>, StorageError> {
        let ahead = self.ahead.get_or_insert_with(Ahead::new);
        if self.options.jobs == 0 || ahead.read.is_none() || self.is_any_left()? || self.reads() {
            return Ok(Vec::new());
        }
        let StudyStore { storage, study, options, leases, known, mine, ahead, .. } = self;
        let (first, begun) = storage.transaction(Access::Write, |db| {
            let key = [Value::Int(study.id), Value::Text(NEXT_PLACE.to_owned())];
            let (number, found) = lock_and_query(db, study.id, &[(STUDY_SYSTEM_ATTRIBUTE, &key)])?;
            let place = match found.into_iter().next().and_then(|rows| place(rows, number)) {
                Some(place) => place,
                None if number == known.ids.len() => number - known.foreign,
                // Another program has begun trials: how many, the next look says.
                None => return Ok((number, None)),
            };
            let listed = (0..most.max(1)).map_while(|n| candidate(number + n, place + n));
            let listed: Vec<Candidate> = listed.collect();
            if listed.is_empty() {
                return Ok((number, None));
            }
            let ids = begin(db, study, options, leases, (number, &listed))?;
            set_place(db, study.id, number + ids.len(), place + ids.len())?;
            Ok((number, Some((ids, listed))))
        })?;
        let Some((ids, listed)) = begun else { return Ok(Vec::new()) };
        known.begun(first, &ids);
        mine.extend(first..first + ids.len());
        if let Some(ahead) = ahead {
            (ahead.next, ahead.told) = (first + ids.len(), false);
        }
        Ok((first..).zip(listed).collect())
    }

    /// Whether it is time to read what others do.
    fn reads(&self) -> bool {
        let (known, processes) = (self.known.ids.len(), self.processes.load(Ordering::Relaxed));
        self.ahead.as_ref().is_some_and(|ahead| ahead.is_to_read(known, processes))
    }

    /// Whether nobody works any more on one of the running trials, if it is time to look.
    fn is_any_left(&mut self) -> Result<bool, StorageError> {
        let StudyStore { storage, study, leases, mine, ahead, processes, .. } = self;
        let Some(ahead) = ahead.as_mut().filter(|ahead| ahead.looked.elapsed() >= LOOK) else {
            return Ok(false);
        };
        let running =
            storage.transaction(Access::Read, |db| leases.of_running_trials(db, study.id))?;
        ahead.looked = Stopwatch::start();
        ahead.next = ahead.next.max(running.last().map_or(0, |running| running.number + 1));
        processes.store(1 + others_at_work(&running, leases), Ordering::Relaxed);
        Ok(OpenTrials::among(&running, leases, mine).abandoned)
    }
}

/// Says which place the next trial of a locked study has among ours.
pub fn set_place(
    db: &mut dyn Database,
    study: i64,
    number: usize,
    place: usize,
) -> Result<(), StorageError> {
    set_study_system_attribute(db, study, NEXT_PLACE, &format!("[{number}, {place}]"))
}

/// The place of the trial with this number, the next one, if that is known.
fn place(rows: Vec<Row>, number: usize) -> Option<usize> {
    let json = RowReader::of(rows.into_iter().next()?).text().ok()?;
    let (next, place): (usize, usize) = serde_json::from_str(&json).ok()?;
    (next == number).then_some(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_do_is_read_at_first_and_then_the_less_often_the_more_they_do() {
        let mut ahead = Ahead::new();
        assert!(ahead.is_to_read(0, 1));
        ahead.has_read();
        assert!(!ahead.is_to_read(0, 1));
        std::thread::sleep(LOOK);
        assert!(ahead.is_to_read(0, 1));
        ahead.next = 1_000;
        assert!(ahead.is_to_read(0, 2));
        assert!(!ahead.is_to_read(0, 128), "the server would do little else");
        assert!(ahead.is_to_read(990, 128));
    }

    #[test]
    fn a_place_holds_for_the_next_number_alone() {
        let rows = |text: &str| vec![vec![Value::Text(text.to_owned())]];
        assert_eq!(place(rows("[7, 5]"), 7), Some(5));
        assert_eq!(place(rows("[7, 5]"), 8), None);
        assert_eq!(place(rows("7"), 7), None);
        assert_eq!(place(vec![], 7), None);
    }
}
