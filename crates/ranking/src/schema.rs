//! The JSON Schemas of `leaderboard.json`, `report.json` and what `compare` prints, made from the structs: by tests
//! alone, so that nobody else compiles what that takes.

use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema};
use serde_json::Value;

use crate::comparison::Comparison;
use crate::leaderboard::Leaderboard;
use crate::training_report::TrainingReport;

/// The JSON Schema (draft 2020-12) of [`Leaderboard`], as the text of `leaderboard.schema.json`.
fn leaderboard_schema() -> String {
    schema_of::<Leaderboard>()
}

/// The JSON Schema (draft 2020-12) of [`TrainingReport`], as the text of `report.schema.json`.
fn report_schema() -> String {
    schema_of::<TrainingReport>()
}

/// The JSON Schema (draft 2020-12) of [`Comparison`], as the text of `comparison.schema.json`.
fn comparison_schema() -> String {
    schema_of::<Comparison>()
}

fn schema_of<T: JsonSchema>() -> String {
    // Rustdoc is wrapped where a line of source ends; a description is one line.
    let unwrap_lines = RecursiveTransform(|schema: &mut Schema| {
        if let Some(Value::String(description)) = schema.get_mut("description") {
            *description = description.replace('\n', " ");
        }
    });
    let settings = SchemaSettings::draft2020_12().for_serialize().with_transform(unwrap_lines);
    pretty(&settings.into_generator().into_root_schema_for::<T>())
}

/// JSON with each value on a line of its own, and a newline at the end.
fn pretty(value: &Schema) -> String {
    let text =
        serde_json::to_string_pretty(value).expect("all keys are texts, and memory is no disk");
    text + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_schemas_are_those_of_the_structs() {
        let schemas = [
            ("leaderboard.schema.json", leaderboard_schema()),
            ("report.schema.json", report_schema()),
            ("comparison.schema.json", comparison_schema()),
        ];
        for (name, schema) in schemas {
            let path = format!("{}/{name}", env!("CARGO_MANIFEST_DIR"));
            if std::env::var_os("UPDATE_SCHEMA").is_some() {
                std::fs::write(&path, &schema).unwrap();
            }
            let committed = std::fs::read_to_string(&path).unwrap_or_default();
            assert!(
                committed == schema,
                "{name} is not what the structs give: write it anew with\n  \
                 UPDATE_SCHEMA=1 cargo test -p burn-tune-ranking schema"
            );
        }
    }

    #[test]
    fn every_field_is_described() {
        let mut fields = 0;
        for schema in [leaderboard_schema(), report_schema(), comparison_schema()] {
            let schema: Value = serde_json::from_str(&schema).unwrap();
            let structs = schema["$defs"].as_object().unwrap().values().chain([&schema]);
            for object in structs.filter(|object| object["type"] == "object") {
                for (name, field) in object["properties"].as_object().unwrap() {
                    assert!(field["description"].is_string(), "`{name}` has no description");
                    fields += 1;
                }
            }
        }
        assert!(fields > 60);
    }
}
