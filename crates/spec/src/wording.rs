//! What is wrong with a study in the words of its file: a reader knows its tables, `[space]` and `[[trial]]`, where
//! `search` speaks of the space and of explicit trials.

use burn_tune_search::spec::{Place, SpecError, SpecFault};

/// The same error for whoever reads the file.
pub fn in_words_of_file(error: &SpecError) -> SpecError {
    let mut error = error.clone();
    if error.place == Place::Space {
        // What is missing would stand at the end.
        error.label = "the file ends here".to_owned();
    }
    match error.fault.clone() {
        None => {}
        Some(SpecFault::EmptySpace) => {
            error.label = "[space] is missing or empty".to_owned();
            error.help = "add a table [space] with at least one parameter, such as\n  lr = { low = 1e-4, high = 1e-1, log = true }".to_owned();
        }
        Some(SpecFault::ReservedName(name)) => {
            error.help =
                format!("call it something else: in [[trial]], `{name}` is the trial's own");
        }
        Some(SpecFault::RepeatedTrialName) => {
            error.help = "give each [[trial]] a name of its own".to_owned();
        }
        Some(SpecFault::UnknownParam { name, known }) => {
            error.problem = format!("`{name}` is no parameter of [space]");
            error.help =
                format!("{known}; a parameter that only trials set needs a fixed value in [space]");
        }
        Some(SpecFault::OtherType { name, stated, expected }) => {
            error.problem = format!("`{name}` is a {stated} here, and a {expected} in [space]");
        }
        Some(SpecFault::MissingParam(name)) => {
            error.problem = format!("the model's parameter `{name}` is not in [space]");
            error.help = format!("add `{name}` to [space], with a list, a range or a fixed value");
        }
    }
    error
}
