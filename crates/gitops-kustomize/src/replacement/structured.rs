//! Replacing inside a scalar that is JSON or YAML itself, as the values of config maps often are.
//!
//! JSON is printed anew: keys sorted, indented by two when it had lines and indents before. In YAML the new text takes the
//! old one's place, and the whole is laid out anew where we know how ([`layout`]); else all else stays as written.

use gitops_manifest::json;
use gitops_manifest::yaml::{self, Node as Written, NodeKind, ParseOptions, ScalarStyle, Schema};

use super::field_path::{FieldPath, Kind};
use super::{FieldOptions, ReplacementError, layout, set};
use crate::node::{Node, Scalar, read_documents};

/// Copies the value when the path leads into a scalar. `false`: it does not, or finds nothing there.
pub(super) fn copy(path: &FieldPath, options: Option<&FieldOptions>, value: &Node, resource: &mut Node) -> Result<bool, ReplacementError> {
    let steps = path.steps().len();
    for length in 1..steps {
        let first = path.first(length);
        let Ok(Some(Node::Scalar(scalar))) = first.look_up(resource) else { continue };
        let Ok(documents) = read_documents(scalar.text.as_bytes(), "") else { continue };
        let Some(inside) = documents.into_iter().next() else { return Ok(false) };
        let Some(text) = changed(&scalar.text, inside.node, &path.rest(length), options, value)? else { return Ok(false) };
        let steps = first.steps().to_vec();
        return Ok(put(resource, &steps, text));
    }
    Ok(false)
}

/// The whole text with the value in its place.
fn changed(
    text: &str,
    mut inside: Node,
    path: &FieldPath,
    options: Option<&FieldOptions>,
    value: &Node,
) -> Result<Option<String>, ReplacementError> {
    let before = inside.clone();
    let create = options.is_some_and(|options| options.create).then(|| Kind::of(value));
    match path.visit(&mut inside, create, &mut |field| set(field, options, value, path)) {
        Ok(0) | Err(_) => return Ok(None),
        Ok(_) => {}
    }
    let trimmed = text.trim_start();
    if !trimmed.starts_with(['{', '[']) {
        return in_yaml(text, &before, &inside).map(Some).ok_or_else(|| ReplacementError::InsideYaml { path: path.text().to_owned() });
    }
    let Ok(value) = inside.to_value() else { return Ok(None) };
    let pretty = text.contains('\n') && text.contains("  ");
    Ok(Some(html_safe(&if pretty { json::print_pretty(&value) } else { json::print(&value) })))
}

/// Go's JSON escapes what HTML would read.
fn html_safe(json: &str) -> String {
    let json = json.trim_end_matches('\n').replace('&', "\\u0026").replace('<', "\\u003c").replace('>', "\\u003e");
    json.replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029")
}

/// Puts the text where the lookup path leads.
fn put(node: &mut Node, steps: &[String], text: String) -> bool {
    let mut node = node;
    for step in steps.iter().map(|step| step.trim()).filter(|step| !step.is_empty()) {
        let next = match node {
            Node::Map(map) => map.get_mut(step),
            Node::List(list) => {
                let condition = step.strip_prefix('[').and_then(|step| step.strip_suffix(']')).and_then(|step| step.split_once('='));
                match (condition, step.parse::<usize>(), step) {
                    (Some((key, value)), ..) => list.iter_mut().find(|element| match key {
                        "" => element.text() == value,
                        key => element.as_map().is_some_and(|map| map.iter().any(|(k, v)| k == key && v.text() == value)),
                    }),
                    (None, Ok(at), _) => list.get_mut(at),
                    (None, Err(_), "-") => list.last_mut(),
                    (None, Err(_), _) => None,
                }
            }
            Node::Scalar(_) => None,
        };
        let Some(next) = next else { return false };
        node = next;
    }
    let Node::Scalar(scalar) = &*node else { return false };
    let mut changed = scalar.clone();
    changed.text = text.into();
    node.replace(Node::Scalar(changed));
    true
}

/// One scalar of the text that is to be another.
struct Edit<'w> {
    at: &'w Written,
    new: Scalar,
}

fn in_yaml(text: &str, before: &Node, after: &Node) -> Option<String> {
    let options = ParseOptions { schema: Schema::GoYaml3, ..ParseOptions::default() };
    let written = yaml::parse_nodes(text.as_bytes(), "", &options).ok()?.into_iter().next()?;
    let mut edits = Vec::new();
    collect(&written, before, after, &mut edits)?;
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    // From the end, so that places further to the front stay what they are.
    edits.sort_by_key(|edit| std::cmp::Reverse((edit.at.line, edit.at.column)));
    for edit in edits {
        let line = lines.get_mut(edit.at.line.checked_sub(1)?)?;
        let from = line.char_indices().nth(edit.at.column.checked_sub(1)?)?.0;
        let to = from + written_length(&line[from..], &edit.at.kind)?;
        line.replace_range(from..to, &as_written(&edit.new)?);
    }
    let edited = lines.join("\n");
    Some(layout::anew(&edited).unwrap_or_else(|| edited.trim().to_owned()))
}

/// Finds the scalars that differ. `None` when anything else does.
fn collect<'w>(written: &'w Written, before: &Node, after: &Node, edits: &mut Vec<Edit<'w>>) -> Option<()> {
    match (&written.kind, before, after) {
        _ if before == after => Some(()),
        (NodeKind::Scalar(..), Node::Scalar(_), Node::Scalar(new)) => {
            edits.push(Edit { at: written, new: new.clone() });
            Some(())
        }
        (NodeKind::List(written, _), Node::List(before), Node::List(after)) if before.len() == after.len() => {
            written.iter().zip(before.iter().zip(after)).try_for_each(|(w, (b, a))| collect(w, b, a, edits))
        }
        (NodeKind::Map(written, _), Node::Map(before), Node::Map(after))
            if before.len() == after.len() && written.len() == before.len() =>
        {
            let mut entries = written.iter().zip(before.iter().zip(after.iter()));
            entries.try_for_each(|((_, w), ((_, b), (_, a)))| collect(w, b, a, edits))
        }
        _ => None,
    }
}

/// How long a scalar is that ends on the line it begins on.
pub(super) fn written_length(line: &str, kind: &NodeKind) -> Option<usize> {
    let NodeKind::Scalar(text, style) = kind else { return None };
    match style {
        ScalarStyle::Plain => line.starts_with(text.as_str()).then_some(text.len()),
        ScalarStyle::SingleQuoted => {
            let mut rest = line.char_indices().skip(1).peekable();
            while let Some((at, c)) = rest.next() {
                if c == '\'' && rest.next_if(|(_, next)| *next == '\'').is_none() {
                    return Some(at + 1);
                }
            }
            None
        }
        ScalarStyle::DoubleQuoted => {
            let mut rest = line.char_indices().skip(1);
            while let Some((at, c)) = rest.next() {
                match c {
                    '\\' => drop(rest.next()),
                    '"' => return Some(at + 1),
                    _ => {}
                }
            }
            None
        }
        ScalarStyle::Literal | ScalarStyle::Folded => None,
    }
}

/// The scalar as go-yaml writes it on one line.
fn as_written(scalar: &Scalar) -> Option<String> {
    use crate::node::{Style, Tag};
    let text = scalar.text.as_str();
    if text.chars().any(char::is_control) {
        return None;
    }
    let double = || format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    let single = || format!("'{}'", text.replace('\'', "''"));
    let found = yaml::resolve_plain(text, Schema::GoYaml3);
    let is_string = matches!(found, None | Some(gitops_manifest::Value::String(_)));
    Some(match (scalar.style, scalar.tag) {
        (Style::Double, _) => double(),
        (Style::Single, _) => single(),
        (Style::Literal | Style::Folded, _) => return None,
        (Style::Plain, Tag::Str) if !is_string => double(),
        (Style::Plain, Tag::Str | Tag::Unset | Tag::Timestamp) if can_be_plain(text) => text.to_owned(),
        (Style::Plain, Tag::Str | Tag::Unset | Tag::Timestamp) => single(),
        (Style::Plain, tag) => {
            let fits = match (&found, tag) {
                (Some(gitops_manifest::Value::Number(number)), Tag::Int) => number.as_i64().is_some(),
                (Some(gitops_manifest::Value::Number(number)), Tag::Float) => number.as_i64().is_none(),
                (Some(gitops_manifest::Value::Bool(_)), Tag::Bool) | (Some(gitops_manifest::Value::Null), Tag::Null) => true,
                _ => false,
            };
            let name = match tag {
                _ if fits => return Some(text.to_owned()),
                Tag::Int => "int",
                Tag::Float => "float",
                Tag::Bool => "bool",
                Tag::Null => "null",
                _ => return None,
            };
            format!("!!{name} {}", if can_be_plain(text) { text.to_owned() } else { single() })
        }
    })
}

/// Whether a text can stand without quotes in a block and in brackets.
fn can_be_plain(text: &str) -> bool {
    let first = text.chars().next();
    let bad_start =
        first.is_none_or(|c| "-?:,[]{}#&*!|>'\"%@` ".contains(c)) && !text.starts_with("-") || text == "-" || text.starts_with("- ");
    !(bad_start
        || text.ends_with([' ', ':'])
        || text.contains(": ")
        || text.contains(" #")
        || text.contains([',', '[', ']', '{', '}', '?']))
}
