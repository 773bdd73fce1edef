//! Errors together: a user sees every fault of a struct at once.

use syn::Error;

/// All values, or all errors as one.
pub fn together<T>(results: impl IntoIterator<Item = Result<T, Error>>) -> Result<Vec<T>, Error> {
    let mut all: Option<Error> = None;
    let mut values = Vec::new();
    for result in results {
        match (result, &mut all) {
            (Ok(value), _) => values.push(value),
            (Err(error), Some(all)) => all.combine(error),
            (Err(error), None) => all = Some(error),
        }
    }
    all.map_or(Ok(values), Err)
}
