//! `[[claim]]`: what somebody says of how an explicit trial trains, so that it can be held against what
//! is measured.

use super::error::SpaceError;
use super::toml_view::{Source, TableView};
use crate::did_you_mean;

/// Something said of one explicit trial's training.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim {
    /// The name of the explicit trial.
    pub model: String,
    /// What is said, in words.
    pub text: String,
    /// What the words come to; all of it has to hold. Not empty.
    pub expectations: Vec<Expectation>,
}

/// A statement about one model's training that figures can confirm or refute. *Flat* is the step from
/// which the smoothed loss stays where it ends.
#[derive(Debug, Clone, PartialEq)]
pub enum Expectation {
    /// The loss is flat from a step in this range on, both ends included.
    FlatStep(f64, f64),
    /// It is flat from a share of the training in this range on: 1 is the last step.
    FlatShare(f64, f64),
    /// How fast the loss falls at the beginning.
    Fall(Fall),
    /// The loss is flat at an earlier step than that of each of these models.
    FasterThan(Vec<String>),
    /// The loss is flat at a later step than that of each of these models.
    SlowerThan(Vec<String>),
    /// The loss is flat at about the same step as that of each of these models.
    Like(Vec<String>),
}

/// How fast a loss falls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fall {
    /// Most of it in the first tenth of the training.
    Sharp,
    /// Not so.
    Slow,
}

const FALLS: [(&str, Fall); 2] = [("sharp", Fall::Sharp), ("slow", Fall::Slow)];
const EXPECTATIONS: [&str; 6] =
    ["flat_step", "flat_share", "fall", "faster_than", "slower_than", "like"];

/// Reads one `[[claim]]` about the explicit trials called `names`.
pub(super) fn parse_claim(
    source: &Source,
    table: &TableView,
    names: &[&str],
) -> Result<Claim, SpaceError> {
    let mut known = vec!["model", "text"];
    known.extend(EXPECTATIONS);
    table.allow_only(&known)?;
    let needed = |key: &str| -> Result<String, SpaceError> {
        table.string(key)?.ok_or_else(|| {
            let problem = format!("a [[claim]] has no `{key}`");
            source.error(table.place(), &problem, "this claim", &format!("add `{key} = \"…\"`"))
        })
    };
    let (model, text) = (needed("model")?, needed("text")?);
    let known_model = |key: &str, name: &str| match names.contains(&name) {
        true => Ok(()),
        false => Err(source.error(
            table.span_of(key),
            &format!("no [[trial]] is called `{name}`"),
            "unknown",
            &did_you_mean::help(name, names),
        )),
    };
    known_model("model", &model)?;
    let expectations = expectations(source, table)?;
    for (key, expectation) in &expectations {
        if let Expectation::FasterThan(others)
        | Expectation::SlowerThan(others)
        | Expectation::Like(others) = expectation
        {
            others.iter().try_for_each(|other| known_model(key, other))?;
        }
    }
    if expectations.is_empty() {
        let help = format!("add at least one of {}", EXPECTATIONS.join(", "));
        let problem = "a [[claim]] says nothing that can be checked";
        return Err(source.error(table.place(), problem, "this claim", &help));
    }
    let expectations = expectations.into_iter().map(|(_, expectation)| expectation).collect();
    Ok(Claim { model, text, expectations })
}

fn expectations(
    source: &Source,
    table: &TableView,
) -> Result<Vec<(&'static str, Expectation)>, SpaceError> {
    let range = |key: &str| match table.numbers(key)?.as_deref() {
        None => Ok(None),
        Some(&[low, high]) if low <= high => Ok(Some((low, high))),
        Some(_) => Err(source.error(
            table.span_of(key),
            &format!("`{key}` is no range"),
            "here",
            "write the lowest and the highest value, such as [1500, 2500]",
        )),
    };
    let found = [
        ("flat_step", range("flat_step")?.map(|(low, high)| Expectation::FlatStep(low, high))),
        ("flat_share", range("flat_share")?.map(|(low, high)| Expectation::FlatShare(low, high))),
        ("fall", table.one_of("fall", &FALLS)?.map(Expectation::Fall)),
        ("faster_than", table.strings("faster_than")?.map(Expectation::FasterThan)),
        ("slower_than", table.strings("slower_than")?.map(Expectation::SlowerThan)),
        ("like", table.strings("like")?.map(Expectation::Like)),
    ];
    Ok(found.into_iter().filter_map(|(key, found)| Some((key, found?))).collect())
}
