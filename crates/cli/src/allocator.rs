//! The memory allocator: mimalloc, told to keep what it has.

use libmimalloc_sys::{mi_option_set, mi_option_t};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// `mi_option_purge_delay` of mimalloc's `mi_option_t`, which the bindings leave out.
const PURGE_DELAY: mi_option_t = 15;

/// Never gives pages back while the program runs. Each training step frees and takes the same few
/// megabytes again; handing them to the system in between costs page faults, a tenth of the time at
/// batches of 100.
pub fn keep_memory() {
    // SAFETY: a plain setting, made before any thread is started.
    unsafe { mi_option_set(PURGE_DELAY, -1) }
}
