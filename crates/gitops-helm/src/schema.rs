//! Checking values against `values.schema.json`, of a chart and of all its sub-charts.
//!
//! Drafts 4 to 2020-12, by `$schema`; 2020-12 when it is not given. Nothing is fetched: a reference to elsewhere is an
//! error, but a `urn:` allows everything, as in Helm.

use std::sync::{Arc, OnceLock};

use gitops_manifest::json;
use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{Retrieve, Uri, ValidationError, Validator};

use crate::instance::{Id, Instances};
use crate::values::{Table, Val};

/// Most mismatches that are reported of one chart.
const MOST: usize = 50;

/// A schema, built when it is first needed.
#[derive(Debug)]
pub(crate) struct Schema {
    text: Arc<[u8]>,
    built: OnceLock<Result<Validator, String>>,
}

struct Nowhere;

impl Retrieve for Nowhere {
    fn retrieve(&self, uri: &Uri<String>) -> Result<serde_json::Value, Box<dyn std::error::Error + Send + Sync>> {
        if uri.as_str().starts_with("urn:") {
            return Ok(true.into());
        }
        Err(format!("`$ref` to {uri}: only references within the file (`#/…`) are followed").into())
    }
}

impl Schema {
    pub(crate) fn new(text: Arc<[u8]>) -> Schema {
        Schema { text, built: OnceLock::new() }
    }

    fn validator(&self) -> Result<&Validator, String> {
        let built = self.built.get_or_init(|| {
            let schema = json::parse(&self.text, "values.schema.json").map_err(|e| e.to_string())?;
            let schema = Val::from_manifest(&schema).to_json();
            jsonschema::options().with_retriever(Nowhere).build(&schema).map_err(|e| e.to_string())
        });
        built.as_ref().map_err(Clone::clone)
    }

    /// What does not fit, a line each; empty when all does.
    fn mismatches(&self, values: &Table) -> String {
        let validator = match self.validator() {
            Ok(validator) => validator,
            Err(reason) => return reason,
        };
        let values = Val::Table(values.clone()).to_json();
        let mut lines = Vec::new();
        for error in validator.iter_errors(&values).take(MOST) {
            describe(&error, 0, &mut lines);
        }
        lines.concat()
    }
}

/// Checks `values` against the schemas of an instance and all below it. The text is what Helm prints.
pub(crate) fn check(instances: &Instances, id: Id, values: &Table) -> Result<(), String> {
    let mut out = String::new();
    collect(instances, id, values, &mut out);
    if out.is_empty() { Ok(()) } else { Err(out) }
}

fn collect(instances: &Instances, id: Id, values: &Table, out: &mut String) {
    let node = instances.node(id);
    if let Some(schema) = &node.data.schema {
        let lines = schema.mismatches(values);
        if !lines.is_empty() {
            out.push_str(&format!("{}:\n{lines}", node.name.text()));
        }
    }
    for child in &node.children {
        let name = &instances.node(*child).name;
        match values.get(name) {
            None | Some(Val::Null) => {}
            Some(Val::Table(values)) => collect(instances, *child, values, out),
            Some(_) => out.push_str(&format!("{}:\ninvalid type for values: expected object (map)\n", name.text())),
        }
    }
}

/// Alternatives within alternatives are described so far down.
const DEEPEST: usize = 8;

/// One mismatch in the words of Helm's library, those within it indented below.
fn describe(error: &ValidationError<'_>, depth: usize, lines: &mut Vec<String>) {
    let indent = "  ".repeat(depth);
    let message = message(error);
    lines.push(format!("{indent}- at '{}': {message}\n", error.instance_path()));
    if depth < DEEPEST
        && let ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } = error.kind()
    {
        for inner in context.iter().flatten() {
            describe(inner, depth + 1, lines);
        }
    }
}

fn message(error: &ValidationError<'_>) -> String {
    use ValidationErrorKind as Kind;
    let got = || kind(error.instance());
    match error.kind() {
        Kind::Type { kind: TypeKind::Single(want) } => format!("got {}, want {want}", got()),
        Kind::Type { kind: TypeKind::Multiple(want) } => {
            let want: Vec<String> = want.iter().map(|t| t.to_string()).collect();
            format!("got {}, want {}", got(), want.join(" or "))
        }
        Kind::Required { property } => format!("missing property '{}'", property.as_str().unwrap_or_default()),
        Kind::AdditionalProperties { unexpected } => {
            let names: Vec<String> = unexpected.iter().map(|n| format!("'{n}'")).collect();
            format!("additional properties {} not allowed", names.join(", "))
        }
        Kind::Enum { options } => {
            let options: Vec<String> = options.as_array().into_iter().flatten().map(shown).collect();
            format!("value must be one of {}", options.join(", "))
        }
        Kind::MinLength { limit } => format!("minLength: got {}, want {limit}", length(error.instance())),
        Kind::MaxLength { limit } => format!("maxLength: got {}, want {limit}", length(error.instance())),
        Kind::MinItems { limit } => format!("minItems: got {}, want {limit}", length(error.instance())),
        Kind::MaxItems { limit } => format!("maxItems: got {}, want {limit}", length(error.instance())),
        Kind::Minimum { limit } => format!("minimum: got {}, want {limit}", error.instance()),
        Kind::Maximum { limit } => format!("maximum: got {}, want {limit}", error.instance()),
        Kind::ExclusiveMinimum { limit } => format!("exclusiveMinimum: got {}, want {limit}", error.instance()),
        Kind::ExclusiveMaximum { limit } => format!("exclusiveMaximum: got {}, want {limit}", error.instance()),
        Kind::MinProperties { limit } => format!("minProperties: got {}, want {limit}", length(error.instance())),
        Kind::MaxProperties { limit } => format!("maxProperties: got {}, want {limit}", length(error.instance())),
        Kind::MultipleOf { multiple_of } => format!("multipleOf: got {}, want {multiple_of}", error.instance()),
        Kind::Constant { expected_value } => format!("value must be {}", shown(expected_value)),
        Kind::FalseSchema => "false schema".to_owned(),
        Kind::AnyOf { .. } => "'anyOf' failed".to_owned(),
        Kind::OneOfNotValid { .. } => "'oneOf' failed, none matched".to_owned(),
        // The library shows what stands there; it may be a secret.
        Kind::Pattern { pattern } => format!("it does not match pattern '{pattern}'"),
        _ => error.masked().to_string(),
    }
}

fn shown(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(s) => format!("'{s}'"),
        other => other.to_string(),
    }
}

fn kind(value: &serde_json::Value) -> &'static str {
    match value {
        serde_json::Value::Null => "null",
        serde_json::Value::Bool(_) => "boolean",
        serde_json::Value::Number(_) => "number",
        serde_json::Value::String(_) => "string",
        serde_json::Value::Array(_) => "array",
        serde_json::Value::Object(_) => "object",
    }
}

fn length(value: &serde_json::Value) -> usize {
    match value {
        serde_json::Value::String(s) => s.chars().count(),
        serde_json::Value::Array(a) => a.len(),
        serde_json::Value::Object(o) => o.len(),
        _ => 0,
    }
}
