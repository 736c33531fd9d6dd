//! A table as text, for the embedded one: one type, field or kind per line, parts by tabs.
//!
//! ```text
//! gitops-schema 1
//! any
//! string
//! list 4 map name
//! object open
//! .replicas  7  !  1          a field of the object above: type, whether it must be there, what it is filled with
//! kind apps  v1  Deployment  N  31
//! name core/v1/PodSpec  17
//! ```

use std::fmt::Write as _;

use gitops_manifest::json;

use crate::builder::{Builder, NewField};
use crate::table::{Id, Merge, Scalar, Scope, Shape, Stored, Type, TypeTable};

const HEADER: &str = "gitops-schema 1";

const SCALARS: &[(&str, Scalar)] = &[
    ("string", Scalar::String),
    ("bytes", Scalar::Bytes),
    ("time", Scalar::Time),
    ("duration", Scalar::Duration),
    ("quantity", Scalar::Quantity),
    ("int-or-string", Scalar::IntOrString),
    ("integer", Scalar::Integer),
    ("number", Scalar::Number),
    ("boolean", Scalar::Boolean),
];

/// A text that is no table.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the type table is not one; make the table anew with `cargo xtask schema`")]
pub struct TextError {
    /// Which line, from 1.
    pub line: usize,
}

impl TypeTable {
    /// The table as text.
    pub fn print(&self) -> String {
        let mut out = format!("{HEADER}\n");
        for id in 0..self.types.len() {
            print_type(Type { table: self, id: id as Id }, &mut out);
        }
        for ((group, version, kind), (id, scope)) in &self.kinds {
            let scope = match scope {
                Some(Scope::Namespaced) => "N",
                Some(Scope::Cluster) => "C",
                None => "?",
            };
            line(&mut out, &["kind", group, version, kind, scope, &id.to_string()]);
        }
        for (name, id) in &self.named {
            line(&mut out, &["name", name, &id.to_string()]);
        }
        out
    }

    /// Reads what [`TypeTable::print`] writes.
    ///
    /// # Errors
    /// When a line is not understood, or names a type that is not there.
    pub fn parse(text: &str) -> Result<TypeTable, TextError> {
        let mut lines = text.lines().enumerate().map(|(i, line)| (i + 1, line)).peekable();
        if lines.next().is_none_or(|(_, line)| line != HEADER) {
            return Err(TextError { line: 1 });
        }
        let mut builder = Builder::default();
        let mut types: u32 = 0;
        let mut highest: (Id, usize) = (0, 1);
        while let Some((number, line)) = lines.next() {
            let error = TextError { line: number };
            let parts: Vec<&str> = line.split('\t').collect();
            if let ["kind", group, version, kind, scope, id] = parts.as_slice() {
                let id = id.parse().map_err(|_| error.clone())?;
                highest = highest.max((id, number));
                let scope = match *scope {
                    "N" => Some(Scope::Namespaced),
                    "C" => Some(Scope::Cluster),
                    _ => None,
                };
                builder.kind(((*group).to_owned(), (*version).to_owned(), (*kind).to_owned()), id, scope);
                continue;
            }
            if let ["name", name, id] = parts.as_slice() {
                let id = id.parse().map_err(|_| error.clone())?;
                highest = highest.max((id, number));
                builder.named((*name).to_owned(), id);
                continue;
            }
            let mut fields = Vec::new();
            while let Some((number, field)) = lines.next_if(|(_, line)| line.starts_with('.')) {
                let field = read_field(field).ok_or(TextError { line: number })?;
                highest = highest.max((field.ty, number));
                fields.push(field);
            }
            let below = read_type(&mut builder, &parts, fields).ok_or(error)?;
            highest = highest.max((below, number));
            types += 1;
        }
        if highest.0 >= types { Err(TextError { line: highest.1 }) } else { Ok(builder.into_table()) }
    }
}

fn print_type(ty: Type<'_>, out: &mut String) {
    match ty.shape() {
        Shape::Any => line(out, &["any"]),
        Shape::Scalar(scalar) => {
            let name = SCALARS.iter().find(|(_, s)| *s == scalar).map_or("any", |(name, _)| name);
            line(out, &[name]);
        }
        Shape::List { element, merge } => {
            let element = element.id.to_string();
            match merge {
                Merge::Atomic => line(out, &["list", &element, "atomic"]),
                Merge::Set => line(out, &["list", &element, "set"]),
                Merge::Keys(keys) => {
                    let keys: Vec<String> = keys.map(quoted).collect();
                    let parts = ["list", &element, "map"].into_iter().chain(keys.iter().map(String::as_str));
                    line(out, &parts.collect::<Vec<_>>());
                }
            }
        }
        Shape::Map { values, atomic } => line(out, &["map", &values.id.to_string(), if atomic { "atomic" } else { "" }]),
        Shape::Object(object) => {
            line(out, &["object", if object.atomic { "atomic" } else { "" }, if object.open { "open" } else { "" }]);
            for field in object.fields() {
                let default = field.default.map(json::print).unwrap_or_default();
                let required = if field.required { "!" } else { "" };
                line(out, &[&format!(".{}", quoted(field.name)), &field.ty.id.to_string(), required, &default]);
            }
        }
    }
}

fn line(out: &mut String, parts: &[&str]) {
    // Writing to a string cannot fail.
    let _ = writeln!(out, "{}", parts.join("\t").trim_end_matches('\t'));
}

/// A name as it is, or as JSON text when it holds what would end it.
fn quoted(name: &str) -> String {
    let plain = !name.is_empty() && !name.starts_with('"') && !name.chars().any(char::is_control);
    if plain { name.to_owned() } else { json::print(&name.into()) }
}

fn unquoted(text: &str) -> Option<String> {
    if !text.starts_with('"') {
        return Some(text.to_owned());
    }
    json::parse(text.as_bytes(), "name").ok()?.as_str().map(str::to_owned)
}

fn read_field(line: &str) -> Option<NewField> {
    let mut parts = line.strip_prefix('.')?.splitn(4, '\t');
    let (name, ty) = (unquoted(parts.next()?)?, parts.next()?.parse().ok()?);
    let required = parts.next() == Some("!");
    let default = parts.next().map(|text| json::parse(text.as_bytes(), "default")).transpose().ok()?;
    Some(NewField { name, ty, default, required })
}

/// Adds a type; the highest number that it names, or 0.
fn read_type(builder: &mut Builder, parts: &[&str], fields: Vec<NewField>) -> Option<Id> {
    let has = |word: &str| parts.contains(&word);
    if !fields.is_empty() && parts[0] != "object" {
        return None;
    }
    match parts {
        ["any"] => builder.add(Stored::Any, 0),
        ["list", element, merge, keys @ ..] => {
            let keys = keys.iter().map(|k| unquoted(k)).collect::<Option<Vec<_>>>()?;
            let element = element.parse().ok()?;
            builder.add_list(element, *merge == "set", &keys)
        }
        ["map", values, ..] => {
            let values = values.parse().ok()?;
            builder.add(Stored::Map { values, atomic: has("atomic") }, values)
        }
        ["object", ..] => builder.add_object(fields, has("atomic"), has("open")),
        [name] => {
            let (_, scalar) = SCALARS.iter().find(|(known, _)| known == name)?;
            builder.add(Stored::Scalar(*scalar), 0)
        }
        _ => None,
    }
}
