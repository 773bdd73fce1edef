//! Process groups: a program with all that it starts. Whatever becomes of a trial, none of them survives it.

use std::collections::BTreeSet;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

/// The groups that this process has begun and not ended.
static LIVE: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

fn live() -> MutexGuard<'static, BTreeSet<i32>> {
    LIVE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Kills all groups: the last thing that a process does which is not given the time to end in order.
pub fn kill_all() {
    for group in live().iter().filter_map(|group| Pid::from_raw(*group)) {
        let _ = kill_process_group(group, Signal::KILL);
    }
}

/// A running program, the leader of a group. Dropped, all of it is killed.
#[derive(Debug)]
pub struct ProcessGroup {
    leader: Child,
    group: Pid,
    status: Option<ExitStatus>,
}

impl ProcessGroup {
    /// Starts a program as the leader of a new group.
    ///
    /// # Errors
    ///
    /// Where it cannot be started.
    pub fn start(command: &mut Command) -> io::Result<Self> {
        // Held until the group is noted: `kill_all` finds all that have begun.
        let mut live = live();
        let leader = command.process_group(0).spawn()?;
        let group = Pid::from_child(&leader);
        live.insert(group.as_raw_nonzero().get());
        Ok(ProcessGroup { leader, group, status: None })
    }

    /// Its leader, for the pipes.
    pub fn leader(&mut self) -> &mut Child {
        &mut self.leader
    }

    /// Its number, which is that of its leader.
    pub(crate) fn number(&self) -> i32 {
        self.group.as_raw_nonzero().get()
    }

    /// Whether the leader has ended. It stays where it is, so that its number is not given to another process
    /// whose group would then be killed.
    pub fn has_ended(&self) -> bool {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        self.status.is_some() || !matches!(waitid(WaitId::Pid(self.group), options), Ok(None))
    }

    /// Asks all of the group to end.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Kills what is left of the group, and says how its leader ended.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn end(&mut self) -> io::Result<ExitStatus> {
        if let Some(status) = self.status {
            return Ok(status);
        }
        self.signal(Signal::KILL);
        // Before it is waited for: then its number may be another's. And not while: that may take long.
        live().remove(&self.number());
        let status = self.leader.wait()?;
        self.status = Some(status);
        Ok(status)
    }

    /// Where nobody is left to hear it, there is nothing to do.
    fn signal(&self, signal: Signal) {
        let _ = kill_process_group(self.group, signal);
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        let _ = self.end();
    }
}
