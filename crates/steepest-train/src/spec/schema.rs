//! The JSON schema of a run spec, for editors: made from what every section and entry says of itself.

use serde_json::{Map, Value as Json, json};
use steepest_spec::{Accepts, Default, Description, Hyperparameter};

use super::read::COLUMN_KINDS;
use super::sections::{ROOT, SECTIONS, Section};

/// The JSON schema of a run spec (draft 2020-12), made from the registries.
///
/// ```
/// let schema = steepest_train::schema();
/// assert_eq!(schema["properties"]["batch"]["properties"]["size"]["default"], 64);
/// assert_eq!(schema["required"], serde_json::json!(["data"]));
/// ```
pub fn schema() -> Json {
    let mut sections = properties(&ROOT);
    for section in SECTIONS {
        let of_section = match section {
            Section::Fixed(about) => fixed(about),
            Section::Chosen { summary, default, all, .. } => chosen(summary, *default, &all()),
        };
        sections.insert(section.name().to_owned(), of_section);
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Steepest run spec",
        "description": ROOT.summary,
        "type": "object",
        "properties": sections,
        "required": ["data"],
        "additionalProperties": false,
    })
}

fn fixed(about: &Description) -> Json {
    let mut object = object(about.summary, properties(about), required(about));
    if about.name == "data" {
        let kinds = COLUMN_KINDS.map(|kind| kind.to_string());
        object["properties"]["columns"] = json!({
            "type": "object",
            "description": "What columns are, by name, where that is not found out rightly.",
            "additionalProperties": { "enum": kinds },
        });
    }
    object
}

/// One alternative for each `kind`, so that an editor offers the settings of the one that is written.
fn chosen(summary: &str, default: Option<&str>, all: &[&Description]) -> Json {
    let alternative = |about: &&Description| {
        let mut keys = properties(about);
        let mut needs = required(about);
        keys.insert("kind".to_owned(), json!({ "const": about.name, "description": about.summary }));
        if default != Some(about.name) {
            needs.push("kind".to_owned());
        }
        object(about.summary, keys, needs)
    };
    json!({ "description": summary, "oneOf": all.iter().map(alternative).collect::<Vec<_>>() })
}

fn object(summary: &str, properties: Map<String, Json>, required: Vec<String>) -> Json {
    json!({
        "type": "object",
        "description": summary,
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

fn required(about: &Description) -> Vec<String> {
    let needed = about.hyperparameters.iter().filter(|key| key.default == Default::Required);
    needed.map(|key| key.name.to_owned()).collect()
}

/// The keys of a description; `split.test` becomes a key of an object `split`.
fn properties(about: &Description) -> Map<String, Json> {
    let mut keys = Map::new();
    for key in about.hyperparameters {
        match key.name.split_once('.') {
            None => {
                keys.insert(key.name.to_owned(), property(key));
            }
            Some((outer, inner)) => {
                let group = keys.entry(outer).or_insert_with(
                    || json!({ "type": "object", "properties": {}, "additionalProperties": false }),
                );
                group["properties"][inner] = property(key);
            }
        }
    }
    keys
}

fn property(key: &Hyperparameter) -> Json {
    let mut schema = accepted(key.accepts);
    schema["description"] = match (key.symbol, key.source) {
        ("", "") => json!(key.summary),
        (symbol, source) => {
            let symbol = if symbol.is_empty() { String::new() } else { format!("{symbol}: ") };
            let source = if source.is_empty() { String::new() } else { format!(" Default from: {source}.") };
            json!(format!("{symbol}{}{source}", key.summary))
        }
    };
    let default = match key.default {
        Default::Required | Default::Unset => return schema,
        Default::Number(x) => json!(x),
        Default::Integer(x) => json!(x),
        Default::Bool(x) => json!(x),
        Default::Text(x) => json!(x),
        Default::Integers(xs) => json!(xs),
        Default::Numbers(xs) => json!(xs),
        Default::Texts(xs) => json!(xs),
    };
    schema["default"] = default;
    schema
}

fn accepted(accepts: Accepts) -> Json {
    match accepts {
        Accepts::Number { min, above, max, below } => {
            let mut schema = json!({ "type": "number" });
            if min.is_finite() {
                schema[if above { "exclusiveMinimum" } else { "minimum" }] = json!(min);
            }
            if max.is_finite() {
                schema[if below { "exclusiveMaximum" } else { "maximum" }] = json!(max);
            }
            schema
        }
        Accepts::Integer { min, max: u64::MAX } => json!({ "type": "integer", "minimum": min }),
        Accepts::Integer { min, max } => json!({ "type": "integer", "minimum": min, "maximum": max }),
        Accepts::Bool => json!({ "type": "boolean" }),
        Accepts::Choice(names) => json!({ "enum": names }),
        Accepts::Text => json!({ "type": "string" }),
        Accepts::Integers => json!({ "type": "array", "items": { "type": "integer", "minimum": 1 } }),
        Accepts::Numbers => json!({ "type": "array", "items": { "type": "number" } }),
        Accepts::Layers => {
            let layer = |about: &Description| {
                let mut keys = json!({ "kind": { "const": about.name, "description": about.summary } });
                for key in about.hyperparameters {
                    keys[key.name] = property(key);
                }
                json!({
                    "type": "object",
                    "properties": keys,
                    "required": ["kind"],
                    "additionalProperties": false,
                })
            };
            let layers: Vec<Json> = steepest_nn::LAYERS.iter().map(|spec| layer(&spec.about)).collect();
            json!({ "type": "array", "items": { "oneOf": layers } })
        }
        Accepts::Texts => json!({ "type": "array", "items": { "type": "string" } }),
        Accepts::Pair { min } => {
            let size = json!({ "type": "integer", "minimum": min });
            json!({ "oneOf": [size, { "type": "array", "items": size, "minItems": 2, "maxItems": 2 }] })
        }
        Accepts::CountOr(word) => {
            json!({ "oneOf": [{ "type": "integer", "minimum": 1 }, { "const": word }] })
        }
        Accepts::Span => json!({
            "type": "string",
            "pattern": r"^\s*[0-9.eE+-]+\s*(%|\s(steps?|epochs?))\s*$",
        }),
    }
}
