//! Memory on Linux, from /proc. Its few lines of text are read here, because a crate that knows all of /proc takes
//! seconds to compile.

use std::fs;

/// /proc counts in these.
const KIB: u64 = 1024;

/// So many bytes a process has with its descendants, where they are more than `limit`.
pub fn more_than(limit: u64, pid: i32) -> Option<u64> {
    let peak = bytes(pid, "status", "VmHWM").or_else(|| bytes(pid, "status", "VmRSS"))?;
    if peak > limit {
        return Some(peak);
    }
    let mut all = descendants(pid);
    if all.is_empty() {
        return None;
    }
    all.push(pid);
    let resident: u64 = all.iter().copied().map(resident).sum();
    // Pages that several of them share were counted once for each. To count them right takes longer.
    Some(resident).filter(|bytes| *bytes > limit)?;
    Some(all.into_iter().map(share).sum()).filter(|bytes| *bytes > limit)
}

/// From now on the peak is that of now. Where that is not allowed, it stays what it was.
pub fn forget_peak(pid: i32) {
    let _ = fs::write(format!("/proc/{pid}/clear_refs"), "5");
}

/// Processes that this one has started, and those that they have. Who has ended meanwhile is left out.
fn descendants(pid: i32) -> Vec<i32> {
    let (mut found, mut at) = (children(pid), 0);
    while let Some(&pid) = found.get(at) {
        found.extend(children(pid));
        at += 1;
    }
    found
}

/// A process is the child of the thread that has started it.
fn children(pid: i32) -> Vec<i32> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let lists =
        threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    lists
        .flat_map(|list| {
            list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>()
        })
        .collect()
}

fn resident(pid: i32) -> u64 {
    bytes(pid, "status", "VmRSS").unwrap_or(0)
}

/// What a process has, with its share of the pages that it has in common with others.
fn share(pid: i32) -> u64 {
    bytes(pid, "smaps_rollup", "Pss").unwrap_or_else(|| resident(pid))
}

/// What stands in a file of a process in a line such as `VmRSS:    1284 kB`.
fn bytes(pid: i32, file: &str, name: &str) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/{file}")).ok()?;
    let value = |line: &str| line.strip_prefix(name)?.strip_prefix(':').map(str::to_owned);
    let value = text.lines().find_map(value)?;
    let kib: u64 = value.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * KIB)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peak_counts_until_it_is_forgotten() {
        let this = std::process::id().try_into().unwrap();
        let peak = || bytes(this, "status", "VmHWM").unwrap();
        drop(std::hint::black_box(vec![1u8; 256 << 20]));
        let before = peak();
        assert!(before > 256 << 20, "{before}");
        forget_peak(this);
        assert!(peak() < before / 2, "{before}, then {}", peak());
    }

    #[test]
    fn who_is_not_there_has_nothing() {
        assert_eq!(bytes(i32::MAX, "status", "VmRSS"), None);
        assert_eq!((children(i32::MAX), share(i32::MAX)), (Vec::new(), 0));
    }
}
