//! The parts of the JSON Schemas that the structs cannot say themselves, because their types come from
//! `burn_tune_search`, which knows no schemas.

use schemars::{Schema, SchemaGenerator, json_schema};

/// Which of two scores is the better one.
pub(crate) fn direction(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "enum": ["maximize", "minimize"] })
}

/// What each parameter may be.
pub(crate) fn space(_: &mut SchemaGenerator) -> Schema {
    let scalar = ["boolean", "number", "string"];
    let when = json_schema!({
        "description": "The parameter exists only where each of these has one of its values.",
        "type": "object",
        "additionalProperties": { "type": "array", "items": { "type": scalar } },
    });
    json_schema!({
        "type": "object",
        "additionalProperties": {
            "anyOf": [
                { "description": "A fixed value.", "type": scalar },
                {
                    "description": "One of these.",
                    "type": "array",
                    "minItems": 2,
                    "items": { "type": scalar },
                },
                {
                    "description": "A number from `low` to `high`, both included.",
                    "type": "object",
                    "properties": {
                        "low": { "type": "number" },
                        "high": { "type": "number" },
                        "step": { "type": "number", "exclusiveMinimum": 0 },
                        "log": { "type": "boolean" },
                        "when": when,
                    },
                    "required": ["low", "high", "log"],
                },
                {
                    "description": "One of these, where the parameter exists.",
                    "type": "object",
                    "properties": {
                        "values": { "type": "array", "items": { "type": scalar } },
                        "when": when,
                    },
                    "required": ["values", "when"],
                },
            ],
        },
    })
}

/// A value for each parameter.
pub(crate) fn params(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "additionalProperties": { "type": ["boolean", "number", "string"] },
    })
}

/// Flags, in their written form.
pub(crate) fn flags(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "items": {
            "type": "string",
            "examples": ["diverged", "never_predicts:[2,5]", "dead_units"],
        },
    })
}
