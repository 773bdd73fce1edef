//! `[[objective]]`: what a study is after, where that is not the model's usual score alone.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::error::SpaceError;
use super::toml_view::{Source, TableView};
use super::{DIRECTIONS, Direction};

/// One of the things that a study is after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectiveSettings {
    /// What the model calls it, such as `accuracy`.
    pub name: String,
    /// Which value is the better one; where it is not stated, that is for the model to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direction: Option<Direction>,
    /// Whether a clock decides it. No file says so: the model does.
    #[serde(rename = "by_clock", default, skip_serializing_if = "std::ops::Not::not")]
    pub wall_clock: bool,
}

/// Objectives, and the places of their names.
pub(super) type Objectives = (Vec<ObjectiveSettings>, Vec<Range<usize>>);

/// Reads all `[[objective]]` tables of a file; `study` is its `[study]`.
pub(super) fn parse_objectives(
    source: &Source,
    root: &TableView,
    study: Option<&TableView>,
) -> Result<Objectives, SpaceError> {
    let (mut objectives, mut spans): Objectives = Default::default();
    for table in root.tables("objective")? {
        table.allow_only(&["name", "direction"])?;
        let Some(name) = table.string("name")? else {
            return Err(source.error(
                table.place(),
                "an [[objective]] has no `name`",
                "this objective",
                "add one, such as `name = \"accuracy\"`",
            ));
        };
        let span = table.span_of("name");
        if objectives.iter().any(|known: &ObjectiveSettings| known.name == name) {
            return Err(source.error(
                span,
                &format!("two objectives are called `{name}`"),
                "the second one",
                "leave one of them out",
            ));
        }
        let direction = table.one_of("direction", &DIRECTIONS)?;
        objectives.push(ObjectiveSettings { name, direction, wall_clock: false });
        spans.push(span);
    }
    let stated = study.filter(|study| !objectives.is_empty() && study.value("direction").is_some());
    if let Some(study) = stated {
        return Err(source.error(
            study.span_of("direction"),
            "`direction` in [study] says nothing where there are [[objective]]s",
            "here",
            "leave it out, and write `direction` below each [[objective]] whose usual one is not meant",
        ));
    }
    Ok((objectives, spans))
}
