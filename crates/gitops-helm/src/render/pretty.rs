//! `toYamlPretty`: YAML as gopkg.in/yaml.v3 prints it with an indent of two: lists are indented below their keys, long
//! lines are not folded, and floats keep Go's exponents.

use gitops_manifest::{Number, Value as Model, yaml};
use gitops_template::{Str, Value, fmt};

/// The text, without the line feed at its end; `None` where Go's encoder fails.
pub(super) fn print(value: &Value) -> Option<Str> {
    let value = value.to_manifest().ok()?;
    let mut out = String::new();
    node(&value, 0, Place::Root, &mut out);
    Some(Str::from(out.strip_suffix('\n').unwrap_or(&out)))
}

/// What stands before a value on its line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Root,
    /// `key:`
    Key,
    /// `-`
    Dash,
}

/// Writes a value whose lines, if it has several, begin at `indent`.
fn node(value: &Model, indent: usize, place: Place, out: &mut String) {
    match value {
        Model::Map(map) if !map.is_empty() => {
            begin(place, indent, out);
            for (at, (key, value)) in yaml::in_print_order(map).into_iter().enumerate() {
                if at > 0 || place == Place::Key {
                    out.push_str(&" ".repeat(indent));
                }
                out.push_str(&scalar(&Model::String(key.clone()), indent));
                out.push(':');
                node(value, indent + 2, Place::Key, out);
            }
        }
        Model::List(list) if !list.is_empty() => {
            begin(place, indent, out);
            for (at, value) in list.iter().enumerate() {
                if at > 0 || place == Place::Key {
                    out.push_str(&" ".repeat(indent));
                }
                out.push('-');
                node(value, indent + 2, Place::Dash, out);
            }
        }
        value => {
            if place != Place::Root {
                out.push(' ');
            }
            // The lines of a block text stand below what they belong to.
            out.push_str(&scalar(value, if place == Place::Root { 2 } else { indent }));
            out.push('\n');
        }
    }
}

fn begin(place: Place, _indent: usize, out: &mut String) {
    match place {
        Place::Root => {}
        Place::Key => out.push('\n'),
        Place::Dash => out.push(' '),
    }
}

fn scalar(value: &Model, indent: usize) -> String {
    match value {
        Model::Number(Number::Float(n)) if n.is_finite() => fmt::float(*n, 'g', None),
        Model::String(text) => string(text, indent),
        other => yaml::print(other).trim_end_matches('\n').to_owned(),
    }
}

fn string(text: &str, indent: usize) -> String {
    let printed = yaml::print(&Model::from(text));
    let printed = printed.strip_suffix('\n').unwrap_or(&printed);
    if !printed.contains('\n') {
        return printed.to_owned();
    }
    if printed.starts_with('|') {
        let mut lines = printed.split('\n');
        let mut out = lines.next().unwrap_or_default().to_owned();
        for line in lines {
            out.push('\n');
            // Printed at the root, its lines stand at two.
            if let Some(line) = line.strip_prefix("  ") {
                out.push_str(&" ".repeat(indent));
                out.push_str(line);
            }
        }
        return out;
    }
    // What was folded at a space goes back on one line.
    printed.split('\n').map(str::trim_start).collect::<Vec<_>>().join(" ")
}
