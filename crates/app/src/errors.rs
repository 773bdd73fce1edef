//! Errors of libraries as the user of this program reads them: with what to do about it on the command line.

use anyhow::{Error, anyhow};
use burn_tune_search::did_you_mean;
use burn_tune_spec::{SpaceError, StudyFile};
use burn_tune_storage::StorageError;
use burn_tune_study::StudyError;
use burn_tune_study::differences::{Content, Difference, Setting, lines};
use burn_tune_study::error::NeedsOneValue;
use burn_tune_study::output_folder::FileError;

use crate::about::{about, program_name};
use crate::console::{say, say_styled};
use crate::exit::WorkFailed;
use crate::format::{domain_text, param_toml, toml};

/// Names that an error lists.
const LISTED: usize = 20;

/// Shows an error on stderr; one in a space file with its line.
pub fn show(error: &Error) {
    match error.downcast_ref::<SpaceError>() {
        Some(error) => say_styled(&format!("{:?}", miette::Report::new(error.clone()))),
        None => say(&format!("error: {}", text(error))),
    }
}

/// An error in words that know the arguments.
pub fn text(error: &Error) -> String {
    if let Some(error) = error.downcast_ref::<StudyError>() {
        return study_text(error);
    }
    match error.downcast_ref::<FileError>() {
        Some(error) => file_text(error),
        None => format!("{error:#}"),
    }
}

/// Gives an error about the study that a file describes its line.
pub fn with_line(file: &StudyFile) -> impl Fn(Error) -> Error {
    |error| match error.downcast_ref::<StudyError>() {
        Some(StudyError::Spec(error)) => file.error(error).into(),
        _ => error,
    }
}

/// What a database says as an error with the right exit code: wrong input, or work that failed.
pub fn failure(error: StorageError) -> Error {
    match error {
        StorageError::Input(problem) => anyhow!(problem),
        error => anyhow!(WorkFailed(error.to_string())),
    }
}

/// The same of a study.
pub fn study_failure(error: StudyError) -> Error {
    match error {
        StudyError::Storage(error) => failure(error),
        error => error.into(),
    }
}

/// Why a file cannot be written or read, with the argument that names another.
pub fn file_text(error: &FileError) -> String {
    match error {
        FileError::Folder { path, error } => {
            format!(
                "cannot write to the folder {}: choose another with --out: {error}",
                path.display()
            )
        }
        FileError::NoFolder { .. } => format!("{error}: name one with --out"),
        error => error.to_string(),
    }
}

fn study_text(error: &StudyError) -> String {
    let advice = match error {
        StudyError::NoMetrics if about().studies_are_files => {
            return "[[objective]] says what is measured of our model; a program of yours has one score: take [[objective]] out".to_owned();
        }
        StudyError::Differs { study, differences } => return differs_text(study, differences),
        StudyError::Directions { study, theirs, ours } => {
            return directions_text(study, theirs, ours);
        }
        StudyError::FewerTrials { study, asked, trials, told } => {
            let end = if *told { "" } else { "; Ctrl-C ends a search at any time" };
            return format!(
                "the study `{study}` was asked for {asked} trials: --trials cannot make it {trials}{end}"
            );
        }
        StudyError::MoreTrials { study, asked, trials } => {
            return format!(
                "the study `{study}` was asked for {asked} trials: add --resume to make it {trials}"
            );
        }
        StudyError::IsTold { study } => {
            return format!(
                "the trials of the study `{study}` are given out by `{} ask`, and `search` cannot score them: give --study another name",
                program_name()
            );
        }
        StudyError::NeedsOneObjective { needs, .. } => {
            let key = match needs {
                NeedsOneValue::Pruner(_) => "pruner",
                NeedsOneValue::Target => "target",
                NeedsOneValue::NoImprovement => "no_improvement",
            };
            let argument = key.replace('_', "-");
            match about().studies_are_files {
                true => format!(
                    ": leave out `{key}` of [study], or `--{argument}`, or all but one [[objective]]"
                ),
                // The program may say it, too.
                false => match needs {
                    NeedsOneValue::Pruner(_) => {
                        ": add `--pruner none`, or take all but one metric out of the program"
                            .to_owned()
                    }
                    _ => format!(
                        ": take `--{argument}`, or what stands for it in the program, away, or all but one metric"
                    ),
                },
            }
        }
        StudyError::NoDatabase { .. } => {
            ": leave --resume out to begin one, or name another with --storage".to_owned()
        }
        StudyError::Unknown { name, known, .. } => format!(": {}", help_with_name(name, known)),
        StudyError::NoStudy { .. } => format!(": `{} search` makes one", program_name()),
        StudyError::NothingToResume { .. } => ": leave --resume out to begin one".to_owned(),
        StudyError::NothingLeft { .. } => {
            "; `--resume --trials N` makes more, and without --resume a new study begins".to_owned()
        }
        StudyError::IsSearched { .. } => ": give --study another name".to_owned(),
        StudyError::IsForeign { .. } => {
            format!(": --study names one that `{} ask` has made", program_name())
        }
        _ => String::new(),
    };
    format!("{error}{advice}")
}

fn help_with_name(name: &str, known: &[String]) -> String {
    let names: Vec<&str> = known.iter().map(String::as_str).collect();
    match did_you_mean::nearest(name, names.iter().copied()) {
        _ if names.len() <= LISTED => did_you_mean::help(name, &names),
        Some(nearest) => {
            format!("did you mean `{nearest}`? `{} studies` lists all", program_name())
        }
        None => format!("`{} studies` lists the {} that there are", program_name(), names.len()),
    }
}

fn differs_text(study: &str, differences: &[Difference]) -> String {
    let are_files = about().studies_are_files;
    let what = |setting: &Setting| match setting {
        Setting::Override(key) => format!("--{}", key.replace('_', "-")),
        other if !are_files => other.to_string(),
        Setting::Param(name) => format!("[space] {name}"),
        Setting::ParamOrder => "the order of [space]".to_owned(),
        Setting::Trial(number) => format!("[[trial]] {number}"),
        Setting::Objective(key) => format!("[objective] {key}"),
        Setting::Study(key) => format!("[study] {key}"),
        other => other.to_string(),
    };
    let content = |content: &Content| match content {
        content if !are_files => content.to_string(),
        Content::Value(value) => toml(value),
        Content::Param(domain, conditions) => param_toml(domain, conditions),
        Content::Distribution(distribution) => domain_text(distribution),
        Content::Nothing | Content::Names(_) => content.to_string(),
    };
    let lines = lines(differences, what, content);
    format!(
        "the study `{study}` cannot go on, because this is not as it was when it began:\n{lines}\nundo the change, or begin a new study: leave --resume and --study out, or give --study another name"
    )
}

fn directions_text(study: &str, theirs: &[String], ours: &[String]) -> String {
    let noun = if (theirs.len(), ours.len()) == (1, 1) { "direction" } else { "directions" };
    let (file, remedy) = match (about().studies_are_files, noun) {
        (true, "direction") => ("the space file", "set `direction` in [study]"),
        (true, _) => ("the space file", "write as many [[objective]]s, with these directions"),
        (false, _) => (program_name(), "make them the same"),
    };
    format!(
        "the study `{study}` has the {noun} {}, and {file} has {}: {remedy}, or choose another name with --study",
        theirs.join(", "),
        ours.join(", ")
    )
}
