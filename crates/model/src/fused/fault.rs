//! What goes wrong in a bank, panics among it.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::bank::BankError;

/// Why a bank has not done something.
pub(super) enum Fault {
    Bank(BankError),
    Panic(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Bank(error) => error.fmt(f),
            Fault::Panic(message) => write!(f, "panic: {message}"),
        }
    }
}

/// What a training is told whose device is lost.
pub(super) fn lost(reason: &str) -> String {
    format!("the device computes no more: {reason}")
}

/// A bank that has panicked, or whose device is gone, may panic when it is dropped.
pub(super) fn discard<T>(bank: T) {
    let _ = catch_unwind(AssertUnwindSafe(|| drop(bank)));
}

/// What `work` comes to, whatever goes wrong in it.
pub(super) fn guarded<T>(work: impl FnOnce() -> Result<T, BankError>) -> Result<T, Fault> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => result.map_err(Fault::Bank),
        Err(payload) => {
            let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
            Err(Fault::Panic(text.unwrap_or_else(|| "its payload is no text".to_owned())))
        }
    }
}
