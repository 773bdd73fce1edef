//! Who works on a trial: a process, told apart from all others, and found dead where that can be seen.

use std::fmt;
use std::fs;
use std::str::FromStr;

/// A process that works on a study.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Worker {
    /// The name of its machine.
    pub host: String,
    /// Its number there.
    pub pid: i32,
    /// What tells this start of the machine, and this container, from others; empty where the system
    /// does not say.
    pub boot: String,
    /// When the process started, in the system's own unit; 0 where it does not say.
    pub started: u64,
    /// The number of its first worker thread in the study.
    pub first_worker: usize,
}

impl Worker {
    /// This process.
    pub fn this(first_worker: usize) -> Self {
        let host = host().replace('/', "_");
        let pid = i32::try_from(std::process::id()).unwrap_or(0);
        let started = state_and_start(pid).map_or(0, |(_, started)| started);
        Worker { host, pid, boot: boot(), started, first_worker }
    }

    /// Whether the process is known to have ended: it was on this machine, and is no more. Where that
    /// cannot be seen, only time tells.
    pub fn has_ended(&self, this: &Worker) -> bool {
        if self.host != this.host || self.boot != this.boot || self.boot.is_empty() {
            return false;
        }
        if is_gone(self.pid) {
            return true;
        }
        // Another process may have its number by now, and one that was killed keeps it until its parent
        // has looked.
        state_and_start(self.pid).is_some_and(|(state, started)| {
            matches!(state, 'Z' | 'X') || (self.started != 0 && started != self.started)
        })
    }

    /// Whether the machine has started again since: nothing of before is running. To be asked only
    /// where the database is a file, which machines of the same name do not share.
    pub fn was_before_restart(&self, this: &Worker) -> bool {
        let kernel = |boot: &str| boot.split('.').next().unwrap_or_default().to_owned();
        self.host == this.host
            && !self.boot.is_empty()
            && !this.boot.is_empty()
            && kernel(&self.boot) != kernel(&this.boot)
    }
}

/// What is written into the database: `host/pid/boot/started/first_worker`.
impl fmt::Display for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Worker { host, pid, boot, started, first_worker } = self;
        write!(f, "{host}/{pid}/{boot}/{started}/{first_worker}")
    }
}

/// A text that names no worker of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` names no worker")]
pub struct UnknownWorker(String);

impl FromStr for Worker {
    type Err = UnknownWorker;

    fn from_str(text: &str) -> Result<Self, UnknownWorker> {
        let mut parts = text.split('/');
        let mut worker = || {
            Some(Worker {
                host: parts.next()?.to_owned(),
                pid: parts.next()?.parse().ok()?,
                boot: parts.next()?.to_owned(),
                started: parts.next()?.parse().ok()?,
                first_worker: parts.next()?.parse().ok()?,
            })
        };
        worker().ok_or_else(|| UnknownWorker(text.to_owned()))
    }
}

#[cfg(unix)]
fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(not(unix))]
fn host() -> String {
    std::env::var("COMPUTERNAME").unwrap_or_default()
}

/// Whether no process has this number.
#[cfg(unix)]
fn is_gone(pid: i32) -> bool {
    use rustix::process::{Pid, test_kill_process};
    let pid = Pid::from_raw(pid);
    pid.is_some_and(|pid| test_kill_process(pid) == Err(rustix::io::Errno::SRCH))
}

#[cfg(not(unix))]
fn is_gone(_: i32) -> bool {
    false
}

/// The start of the system, and the namespace in which numbers of processes count: `1f3e9a.4026531836`.
fn boot() -> String {
    let Ok(id) = fs::read_to_string("/proc/sys/kernel/random/boot_id") else {
        return String::new();
    };
    let start: String = id.chars().filter(char::is_ascii_hexdigit).take(8).collect();
    let namespace = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    let namespace: String =
        namespace.to_string_lossy().chars().filter(char::is_ascii_digit).collect();
    format!("{start}.{namespace}")
}

/// The state of a process and when it started, where the system says so in `/proc`.
fn state_and_start(pid: i32) -> Option<(char, u64)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before it is in parentheses, and may have any character in it.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?.chars().next()?;
    Some((state, fields.nth(18)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_worker_is_read_as_it_was_written() {
        let worker = Worker::this(7);
        assert_eq!(worker.to_string().parse(), Ok(worker));
        assert!("nobody".parse::<Worker>().is_err());
    }

    #[test]
    fn a_process_of_this_machine_is_seen_to_have_ended() {
        let this = Worker::this(0);
        assert!(!this.has_ended(&this));
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        let started = state_and_start(pid).map_or(0, |(_, started)| started);
        let other = Worker { pid, started, ..this.clone() };
        assert!(!other.has_ended(&this));
        child.kill().unwrap();
        // It keeps its number until its parent has looked, in a state in which it is dead.
        while !other.has_ended(&this) {
            std::thread::yield_now();
        }
        child.wait().unwrap();
        assert!(other.has_ended(&this));
        let elsewhere = Worker { host: "elsewhere".into(), ..other };
        assert!(!elsewhere.has_ended(&this), "who knows");
    }

    #[test]
    fn another_process_with_the_number_of_one_that_ended_is_not_taken_for_it() {
        let this = Worker::this(0);
        assert!(Worker { started: this.started + 1, ..this.clone() }.has_ended(&this));
    }

    #[test]
    fn a_restart_of_the_machine_is_noticed_and_another_container_is_none() {
        let this = Worker { boot: "aa.1".into(), ..Worker::this(0) };
        let with = |boot: &str| Worker { boot: boot.into(), ..this.clone() };
        assert!(with("bb.1").was_before_restart(&this));
        assert!(!with("aa.2").was_before_restart(&this));
        assert!(!with("").was_before_restart(&this));
    }
}
