//! Passwords of databases that can be seen by whoever looks at the processes of the machine.

use burn_tune_storage::StorageUrl;

/// What is to be said where `given`, the address of the database, has a password and stands in the arguments of this
/// process.
pub fn warning(url: &StorageUrl, given: &str) -> Option<&'static str> {
    let is_seen =
        has_password(url, given) && std::env::args().any(|argument| argument.contains(given));
    is_seen.then_some(
        "the password of the database can be seen in the list of processes: write it into ~/.pgpass, or the address into BURN_TUNE_STORAGE",
    )
}

/// Whether `given`, the address of the database, has a password.
pub fn has_password(url: &StorageUrl, given: &str) -> bool {
    url.to_string().contains("***") && !given.contains("***")
}
