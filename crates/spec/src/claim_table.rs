//! `[[claim]]`: what somebody says of how an explicit trial trains, so that it can be held against what
//! is measured.

use burn_tune_ranking::claim::{Claim, Expectation, Fall};
use burn_tune_search::did_you_mean;

use crate::error::SpaceError;
use crate::source::Source;
use crate::toml_view::TableView;

const FALLS: [(&str, Fall); 2] = [("sharp", Fall::Sharp), ("slow", Fall::Slow)];
const EXPECTATIONS: [&str; 6] =
    ["flat_step", "flat_share", "fall", "faster_than", "slower_than", "like"];

/// Reads one `[[claim]]` about the explicit trials called `names`.
pub fn parse_claim(
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
