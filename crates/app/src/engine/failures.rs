//! Workers that failed, as their user reads of them: those that are alike together, and each only once.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use burn_tune_ranking::format::count;

use super::contract::FailedWorker;

/// So many lines of a log are shown.
const LINES: usize = 8;
/// And no more bytes than that are read.
const MOST_BYTES: u64 = 8 * 1024;
/// So many workers are named.
const NAMED: usize = 8;

/// What was told of workers that failed.
#[derive(Debug, Default)]
pub struct Failures {
    /// By state and log: how many failed so, and who was the first.
    told: BTreeMap<(String, String), (usize, String)>,
}

impl Failures {
    /// What is to be said of these, of which nothing was said yet.
    pub fn tell(&mut self, failed: &[FailedWorker]) -> Vec<String> {
        let mut alike: BTreeMap<(String, String), Vec<&FailedWorker>> = BTreeMap::new();
        for worker in failed {
            let key = (worker.state.clone(), without_names(&worker.log));
            alike.entry(key).or_default().push(worker);
        }
        alike.into_iter().map(|(key, workers)| self.tell_of(key, &workers)).collect()
    }

    fn tell_of(&mut self, key: (String, String), workers: &[&FailedWorker]) -> String {
        let who = who(workers);
        let state = &key.0;
        if let Some((before, first)) = self.told.get_mut(&key) {
            *before += workers.len();
            return format!("{who} has ended like worker {first}: {state}; {before} so far");
        }
        self.told.insert(key.clone(), (workers.len(), workers[0].worker.clone()));
        let log = workers[0].log.trim_end();
        if log.is_empty() {
            return format!("{who} has ended: {state}, and its log is empty");
        }
        let log: String = log.lines().map(|line| format!("\n  {line}")).collect();
        let whose = if workers.len() > 1 { "the log of the first" } else { "its log" };
        format!("{who} has ended: {state}; {whose} ends with{log}")
    }
}

/// `worker 3 on n1`, `each of 3 workers (0, 1, 2) on n1, n2`.
fn who(workers: &[&FailedWorker]) -> String {
    let mut machines: Vec<&str> =
        workers.iter().filter_map(|worker| worker.machine.as_deref()).collect();
    machines.sort_unstable();
    machines.dedup();
    let shown = |names: &[&str], between: &str| {
        let more = names.len().saturating_sub(NAMED);
        let named = names[..names.len() - more].join(between);
        if more > 0 { format!("{named} … and {more} more") } else { named }
    };
    let machines = match machines.as_slice() {
        [] => String::new(),
        machines => format!(" on {}", shown(machines, ", ")),
    };
    let names: Vec<&str> = workers.iter().map(|worker| worker.worker.as_str()).collect();
    match names.as_slice() {
        [name] => format!("worker {name}{machines}"),
        names => {
            format!("each of {} ({}){machines}", count(names.len(), "worker"), shown(names, ", "))
        }
    }
}

/// A log without what differs between workers that failed for the same reason: the time and the name that a worker of
/// ours writes before each line.
fn without_names(log: &str) -> String {
    let line = |line: &str| {
        let mut words = line.splitn(3, ' ');
        let has_time = words.next().is_some_and(|word| humantime::parse_rfc3339(word).is_ok());
        match (has_time, words.nth(1)) {
            (true, Some(text)) => text.to_owned(),
            _ => line.to_owned(),
        }
    };
    log.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// The last lines of a log; nothing where there is none.
pub fn end_of_log(path: &Path) -> String {
    let text = end_of(path).unwrap_or_default();
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}

fn end_of(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let start = length.saturating_sub(MOST_BYTES);
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.take(MOST_BYTES).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    // The first line may have lost its beginning.
    Ok(match (start, text.split_once('\n')) {
        (1.., Some((_, whole))) => whole.to_owned(),
        _ => text,
    })
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    fn failed(worker: usize, machine: &str, state: &str, log: &str) -> FailedWorker {
        FailedWorker {
            worker: worker.to_string(),
            machine: Some(machine.to_owned()).filter(|machine| !machine.is_empty()),
            state: state.to_owned(),
            log: log.to_owned(),
        }
    }

    #[test]
    fn workers_that_failed_alike_are_told_together_and_once() {
        let mut failures = Failures::default();
        let refused = |worker: usize| {
            let log = format!(
                "2026-11-30T11:00:0{}Z n{worker}-{} connects\nerror: no password",
                worker % 10,
                100 + worker
            );
            failed(worker, &format!("n{}", worker % 3), "FAILED", &log)
        };
        let mut first: Vec<FailedWorker> = (0..12).map(refused).collect();
        first.push(failed(12, "n4", "OUT_OF_MEMORY", ""));
        first.push(failed(13, "", "FAILED", "error: execve(): No such file or directory"));
        let mut said = failures.tell(&first);
        said.extend(failures.tell(&[refused(20), refused(21)]));
        said.extend(failures.tell(&[refused(22)]));
        assert_eq!(failures.tell(&[]), [""; 0]);
        assert_snapshot!(said.join("\n"));
    }

    #[test]
    fn of_a_log_only_the_end_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        assert_eq!(end_of_log(&path), "");
        std::fs::write(&path, "one\n\ntwo\n").unwrap();
        assert_eq!(end_of_log(&path), "one\ntwo");
        let long: String = (0..3000).map(|line| format!("line {line}\n")).collect();
        std::fs::write(&path, long).unwrap();
        let end = end_of_log(&path);
        assert_eq!(end.lines().count(), LINES);
        assert!(end.starts_with("line 2992\n") && end.ends_with("line 2999"), "{end}");
    }
}
