//! Memory on Linux, from /proc.

use procfs::process::{ClearRefs, Process, Status};

/// /proc counts in these.
const KIB: u64 = 1024;

/// So many bytes a process has with its descendants, where they are more than `limit`.
pub fn more_than(limit: u64, pid: i32) -> Option<u64> {
    let process = Process::new(pid).ok()?;
    let status = process.status().ok()?;
    let peak = status.vmhwm.or(status.vmrss)? * KIB;
    if peak > limit {
        return Some(peak);
    }
    let mut all = descendants(&process);
    if all.is_empty() {
        return None;
    }
    all.push(process);
    let resident: u64 = all.iter().map(resident).sum();
    // Pages that several of them share were counted once for each. To count them right takes longer.
    Some(resident).filter(|bytes| *bytes > limit)?;
    Some(all.iter().map(share).sum()).filter(|bytes| *bytes > limit)
}

/// From now on the peak is that of now. Where that is not allowed, it stays what it was.
pub fn forget_peak(pid: i32) {
    let _ = Process::new(pid).and_then(|process| process.clear_refs(ClearRefs::PeakRSS));
}

/// Processes that this one has started, and those that they have. Who has ended meanwhile is left out.
fn descendants(process: &Process) -> Vec<Process> {
    let (mut found, mut at) = (children(process), 0);
    while let Some(process) = found.get(at) {
        let below = children(process);
        found.extend(below);
        at += 1;
    }
    found
}

fn children(process: &Process) -> Vec<Process> {
    let tasks = process.tasks().into_iter().flatten().flatten();
    let pids = tasks.filter_map(|task| task.children().ok()).flatten();
    pids.filter_map(|pid| Process::new(pid.try_into().ok()?).ok()).collect()
}

fn resident(process: &Process) -> u64 {
    let resident = |status: Status| status.vmrss;
    process.status().ok().and_then(resident).unwrap_or(0) * KIB
}

/// What a process has, with its share of the pages that it has in common with others.
fn share(process: &Process) -> u64 {
    let share = || {
        let rollup = process.smaps_rollup().ok()?.memory_map_rollup;
        rollup.iter().find_map(|map| map.extension.map.get("Pss").copied())
    };
    share().unwrap_or_else(|| resident(process))
}
