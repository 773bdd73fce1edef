//! What `squeue` says of the tasks of a job.

use std::collections::BTreeMap;

/// The columns that [`parse`] reads: number in the array, state, machines, reason. Of all forms of output, this one is
/// in every version; `--json` is in none that was built without a library for it.
pub const FORMAT: &str = "--format=%K|%T|%N|%r";

/// One task of a job's array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    pub phase: Phase,
    /// As Slurm calls it: `OUT_OF_MEMORY`.
    pub state: String,
    pub machine: Option<String>,
    /// Why it waits.
    pub reason: Option<String>,
}

/// How far a task is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It has not begun, or waits to begin again.
    Waits,
    /// It runs, or is about to end.
    Runs,
    /// It has ended well, or Slurm has forgotten how.
    Ended,
    /// It has ended otherwise.
    Failed,
}

impl Phase {
    /// Whether nothing becomes of it any more.
    pub fn has_ended(self) -> bool {
        matches!(self, Phase::Ended | Phase::Failed)
    }

    fn of(state: &str) -> Self {
        match state {
            "RUNNING" | "COMPLETING" | "STAGE_OUT" | "SIGNALING" | "STOPPED" | "SUSPENDED" => {
                Phase::Runs
            }
            "COMPLETED" => Phase::Ended,
            "BOOT_FAIL" | "CANCELLED" | "DEADLINE" | "FAILED" | "NODE_FAIL" | "OUT_OF_MEMORY"
            | "PREEMPTED" | "REVOKED" | "TIMEOUT" => Phase::Failed,
            // PENDING, CONFIGURING, REQUEUED and the like, and what there may be once.
            _ => Phase::Waits,
        }
    }
}

/// The tasks by their number; lines that are none, such as the name of a cluster, are passed over.
pub fn parse(text: &str) -> BTreeMap<usize, Task> {
    let known = |text: &str| {
        let is_empty = ["", "None", "(null)", "N/A", "n/a"].contains(&text);
        (!is_empty).then(|| text.to_owned())
    };
    let task = |line: &str| {
        let mut columns = line.trim().splitn(4, '|').map(str::trim);
        let number = columns.next()?.parse().ok()?;
        let (state, machine, reason) = (columns.next()?, columns.next()?, columns.next()?);
        let phase = Phase::of(state);
        let reason = known(reason).filter(|_| phase == Phase::Waits);
        Some((number, Task { phase, state: state.to_owned(), machine: known(machine), reason }))
    };
    text.lines().filter_map(task).collect()
}
