//! How much memory a program may have, with all that it has started, and whether it has more.

use std::time::Duration;

use bytesize::ByteSize;

use crate::ProcessGroup;

#[cfg(target_os = "linux")]
mod linux;
#[cfg(any(test, not(target_os = "linux")))]
mod others;

#[cfg(target_os = "linux")]
use linux as system;
#[cfg(not(target_os = "linux"))]
use others as system;

/// How often it is looked, at most: a look reads some files for each process.
const LOOK: Duration = Duration::from_millis(if cfg!(target_os = "linux") { 100 } else { 1000 });

/// What one program may have.
///
/// Memory is what is resident, so not what is only reserved, nor what lies on a graphics card. Of the program
/// itself, Linux tells the most that it ever had, so a short peak is found, too, as long as the program lives; of
/// what it has started, and on other systems, only what there is at the moment of a look. Processes that share pages
/// have them once, on Linux.
#[derive(Debug)]
pub struct MemoryLimit {
    bytes: u64,
    looked: Option<Duration>,
}

impl MemoryLimit {
    /// A limit of so many bytes.
    pub fn new(bytes: u64) -> Self {
        MemoryLimit { bytes, looked: None }
    }

    /// Forgets what the leader of a group had up to now, where it begins something else.
    pub fn begin(&mut self, group: &ProcessGroup) {
        self.looked = None;
        system::forget_peak(group.number());
    }

    /// How much a group has, in bytes, where that is too much. `elapsed` is the time since the beginning: where the
    /// last look is not long ago, there is none.
    pub fn exceeded(&mut self, group: &ProcessGroup, elapsed: Duration) -> Option<u64> {
        if self.looked.is_some_and(|looked| elapsed.saturating_sub(looked) < LOOK) {
            return None;
        }
        self.looked = Some(elapsed);
        self.exceeded_now(group)
    }

    /// The same, whenever the last look was.
    pub fn exceeded_now(&self, group: &ProcessGroup) -> Option<u64> {
        system::more_than(self.bytes, group.number())
    }

    /// What a program has done that has more. It says no number but the limit, so that it reads the same in every run.
    pub fn reason(&self) -> String {
        format!("used more than {} of memory", size_text(self.bytes))
    }
}

/// A size as people read it, such as `4.0 GiB`.
pub fn size_text(bytes: u64) -> String {
    ByteSize(bytes).display().iec().to_string()
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::thread;

    use super::*;

    const MIB: u64 = 1 << 20;

    /// A shell whose child has about so many MiB, once it says so; it then waits.
    fn child_with(mib: usize) -> ProcessGroup {
        let script =
            format!("sh -c 'x=$(head -c {} /dev/zero | tr \"\\0\" x); sleep 60'; true", mib << 20);
        ProcessGroup::start(Command::new("sh").args(["-c", &script])).unwrap()
    }

    fn soon(mut is_so: impl FnMut() -> bool) -> bool {
        (0..300).any(|_| {
            thread::sleep(Duration::from_millis(20));
            is_so()
        })
    }

    #[test]
    fn what_a_program_has_started_counts() {
        let group = child_with(64);
        let limit = MemoryLimit::new(48 * MIB);
        assert!(soon(|| limit.exceeded_now(&group).is_some_and(|bytes| bytes > 48 * MIB)));
        assert_eq!(MemoryLimit::new(1 << 40).exceeded_now(&group), None);
        assert!(soon(|| others::more_than(48 * MIB, group.number()).is_some()));
        assert_eq!(others::more_than(1 << 40, group.number()), None);
    }

    #[test]
    fn who_has_ended_has_nothing() {
        let mut group = child_with(1);
        group.end().unwrap();
        assert_eq!(MemoryLimit::new(1).exceeded_now(&group), None);
        assert_eq!(others::more_than(1, group.number()), None);
    }

    #[test]
    fn it_is_looked_now_and_then() {
        let group = child_with(1);
        let mut limit = MemoryLimit::new(1);
        assert!(limit.exceeded(&group, Duration::ZERO).is_some());
        assert_eq!(limit.exceeded(&group, LOOK / 2), None);
        assert!(limit.exceeded(&group, LOOK).is_some());
    }

    #[test]
    fn a_reason_is_the_same_in_every_run() {
        assert_eq!(MemoryLimit::new(4 << 30).reason(), "used more than 4.0 GiB of memory");
        assert_eq!(size_text(1_500_000), "1.4 MiB");
    }
}
