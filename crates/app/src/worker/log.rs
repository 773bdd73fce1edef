//! The log of a worker: a line for each thing that happens, with the time and who says it, since the lines of many
//! workers may come into one file.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};
use burn_tune_search::clock::Stopwatch;
use burn_tune_storage::worker::Worker;

use crate::console::{printable, say};

/// Where a worker says what happens.
pub struct WorkerLog {
    /// `HOST-PID`.
    name: String,
    file: Option<File>,
    is_quiet: bool,
    is_broken: AtomicBool,
}

impl WorkerLog {
    /// On stderr, unless it is to be quiet, and in a file behind what is in it, where one is named.
    ///
    /// # Errors
    ///
    /// Where the file cannot be written.
    pub fn open(file: Option<&Path>, is_quiet: bool) -> Result<Self> {
        let Worker { host, pid, .. } = Worker::this(0);
        let open = |path: &Path| {
            let file = OpenOptions::new().create(true).append(true).open(path);
            file.with_context(|| format!("cannot write the log {}", path.display()))
        };
        let file = file.map(open).transpose()?;
        let name = format!("{host}-{pid}");
        Ok(WorkerLog { name, file, is_quiet, is_broken: AtomicBool::new(false) })
    }

    /// Says that something has happened just now.
    pub fn say(&self, text: &str) {
        if !self.is_quiet {
            say(&self.line(text));
        }
        self.write(text);
    }

    /// Says that something is wrong, also on the stderr of a quiet worker.
    pub fn warn(&self, text: &str) {
        say(&self.line(text));
        self.write(text);
    }

    /// Says it in the file alone, for what is said elsewhere as well.
    pub fn write(&self, text: &str) {
        let Some(mut file) = self.file.as_ref() else { return };
        let line = format!("{}\n", printable(&self.line(text)));
        // In one call, so that lines stay whole where several workers have one file.
        let written = file.write_all(line.as_bytes());
        if let Err(error) = written
            && !self.is_broken.swap(true, Ordering::Relaxed)
        {
            say(&self.line(&format!("the log cannot be written any more: {error}")));
        }
    }

    fn line(&self, text: &str) -> String {
        let now = humantime::format_rfc3339_seconds(Stopwatch::start().began(0.0));
        format!("{now} {} {text}", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_the_time_and_the_worker_and_go_behind_what_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("worker.log");
        std::fs::write(&path, "before\n").unwrap();
        let log = WorkerLog::open(Some(&path), true).unwrap();
        log.say("trial 3: 0.5\u{1b}");
        let text = std::fs::read_to_string(&path).unwrap();
        let line = text.strip_prefix("before\n").unwrap();
        let words: Vec<&str> = line.trim_end().splitn(3, ' ').collect();
        assert!(humantime::parse_rfc3339(words[0]).is_ok(), "{line}");
        assert!(words[1].ends_with(&format!("-{}", std::process::id())), "{line}");
        assert_eq!(words[2], "trial 3: 0.5\\u{1b}");
        let refused = WorkerLog::open(Some(&folder.path().join("none/worker.log")), true);
        assert!(refused.err().is_some_and(|error| error.to_string().starts_with("cannot write")));
    }
}
