//! Memory where there is no /proc, such as on macOS.

use std::collections::BTreeSet;

use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

/// So many bytes a process has with its descendants, where they are more than `limit`.
pub fn more_than(limit: u64, pid: i32) -> Option<u64> {
    let mut system = System::new();
    let wanted = ProcessRefreshKind::nothing().with_memory().without_tasks();
    system.refresh_processes_specifics(ProcessesToUpdate::All, true, wanted);
    let mut group = BTreeSet::from([Pid::from_u32(pid.try_into().ok()?)]);
    loop {
        let is_below = |parent: Option<Pid>| parent.is_some_and(|parent| group.contains(&parent));
        let below = system.processes().iter().filter(|(_, process)| is_below(process.parent()));
        let below: Vec<Pid> =
            below.map(|(pid, _)| *pid).filter(|pid| !group.contains(pid)).collect();
        if below.is_empty() {
            break;
        }
        group.extend(below);
    }
    let all = group.iter().filter_map(|pid| system.process(*pid));
    Some(all.map(sysinfo::Process::memory).sum()).filter(|bytes| *bytes > limit)
}

/// No peak is known.
#[cfg_attr(target_os = "linux", expect(dead_code, reason = "Linux knows the peak"))]
pub fn forget_peak(_: i32) {}
