//! `[[objective]]`: what a study is after, where that is not the model's usual score alone.

use std::ops::Range;

use burn_tune_search::Direction;
use burn_tune_search::settings::ObjectiveSettings;

use crate::error::SpaceError;
use crate::source::Source;
use crate::toml_view::TableView;

/// Objectives, and the places of their names.
pub type Objectives = (Vec<ObjectiveSettings>, Vec<Range<usize>>);

/// Reads all `[[objective]]` tables of a file; `study` is its `[study]`.
pub fn parse_objectives(
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
        let direction = table.one_of("direction", &Direction::NAMES)?;
        objectives.push(ObjectiveSettings { name, direction, wall_clock: false });
        spans.push(table.span_of("name"));
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
