//! What the process settles before it starts any thread: its allocator, and how many threads a matrix
//! product takes.

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

/// Has each matrix product of burn-ndarray run on the thread that asks for it: the workers are one for
/// each core already, and would take each other's.
#[cfg(feature = "ndarray")]
pub fn one_thread_a_product() {
    // SAFETY: no other thread runs yet that could read the environment meanwhile.
    unsafe { std::env::set_var("MATMUL_NUM_THREADS", "1") }
}
