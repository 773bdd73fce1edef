//! `timeline.csv`: which worker did what, and when. A file of one run, with its times.

use burn_tune_search::keyed_rng::Task;
use burn_tune_search::timeline::Span;
use serde::{Deserialize, Serialize};

/// One task that a worker has done.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TimelineEntry {
    /// The trial's number.
    pub trial: usize,
    /// Its fold or refit.
    pub task: Task,
    /// Who did it, and when.
    pub span: Span,
    /// Whether it came to a score.
    pub succeeded: bool,
}

#[derive(Serialize, Deserialize)]
struct Row {
    worker: usize,
    trial: usize,
    task: TaskKind,
    number: usize,
    start_s: f64,
    end_s: f64,
    state: EndState,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum TaskKind {
    Fold,
    Refit,
}

#[derive(PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum EndState {
    Complete,
    Failed,
}

/// The text of the file, in the order of `entries`.
pub fn timeline_csv(entries: &[TimelineEntry]) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for TimelineEntry { trial, task, span, succeeded } in entries {
        let (task, number) = match task {
            Task::Fold(fold) => (TaskKind::Fold, *fold),
            Task::Refit(seed) => (TaskKind::Refit, *seed),
        };
        let state = if *succeeded { EndState::Complete } else { EndState::Failed };
        let Span { worker, start_s, end_s } = *span;
        let row = Row { worker, trial: *trial, task, number, start_s, end_s, state };
        writer.serialize(row).expect("numbers and words are a row, and memory is no disk");
    }
    let bytes = writer.into_inner().expect("memory is no disk");
    String::from_utf8(bytes).expect("numbers and words are text")
}

/// Reads the text of a file.
///
/// # Errors
///
/// The first row that is none of a timeline, with its line.
pub fn read_timeline(text: &str) -> Result<Vec<TimelineEntry>, csv::Error> {
    let entry = |row: Row| TimelineEntry {
        trial: row.trial,
        task: match row.task {
            TaskKind::Fold => Task::Fold(row.number),
            TaskKind::Refit => Task::Refit(row.number),
        },
        span: Span { worker: row.worker, start_s: row.start_s, end_s: row.end_s },
        succeeded: row.state == EndState::Complete,
    };
    csv::Reader::from_reader(text.as_bytes()).deserialize().map(|row| row.map(entry)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeline_is_read_as_it_was_written() {
        let span = |worker, start_s| Span { worker, start_s, end_s: start_s + 1.25 };
        let entry = |trial, task, span, succeeded| TimelineEntry { trial, task, span, succeeded };
        let entries = [
            entry(0, Task::Fold(0), span(0, 0.0), true),
            entry(0, Task::Fold(1), span(1, 0.5), false),
            entry(7, Task::Refit(2), span(0, 0.1 + 0.2), true),
        ];
        let text = timeline_csv(&entries);
        assert!(text.starts_with(
            "worker,trial,task,number,start_s,end_s,state\n0,0,fold,0,0.0,1.25,complete\n"
        ));
        assert_eq!(read_timeline(&text).unwrap(), entries);
        assert!(read_timeline("worker,trial\n0,x\n").is_err());
    }
}
