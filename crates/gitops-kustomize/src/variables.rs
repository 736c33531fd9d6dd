//! `vars`: values of fields that stand in others as `$(NAME)`.

use std::collections::HashMap;

use gitops_manifest::{Number, Str};

use crate::error::ResourceError;
use crate::field_spec::{Compiled, FieldError, FieldSpec};
use crate::id::Gvk;
use crate::kustomization::Var;
use crate::node::{Node, Scalar, Style, Tag};
use crate::openapi::Schemas;
use crate::res_map::ResMap;
use crate::resource::Resource;

/// The vars of a build, by name.
#[derive(Debug, Default)]
pub(crate) struct Vars(Vec<Var>);

impl Vars {
    /// Takes over those of a base.
    ///
    /// # Errors
    /// When a name comes twice.
    pub(crate) fn merge(&mut self, others: Vars) -> Result<(), ResourceError> {
        others.0.into_iter().try_for_each(|var| self.add(var))
    }

    fn add(&mut self, var: Var) -> Result<(), ResourceError> {
        if self.0.iter().any(|v| v.name == var.name) {
            return Err(ResourceError::Var { name: var.name, message: "it is defined twice".to_owned() });
        }
        self.0.push(var);
        Ok(())
    }

    /// Adds the vars of a kustomization, and marks the resources that they read.
    ///
    /// # Errors
    /// When a name comes twice, or a var could read several resources.
    pub(crate) fn define(&mut self, vars: &[Var], map: &mut ResMap, schemas: &Schemas) -> Result<(), ResourceError> {
        for var in vars {
            let gvk = Gvk { group: &var.group, version: &var.version, kind: &var.kind };
            let namespace = if var.namespace.is_empty() { "default" } else { &var.namespace };
            let any_namespace = var.namespace.is_empty();
            let found = map
                .matching_any_id(schemas, |id| id.name == var.object_name && id.gvk == gvk && (any_namespace || id.namespace == namespace));
            match found.as_slice() {
                [] => {}
                [at] => map.contents_mut()[*at].memory.vars.push(Str::from(var.name.as_str())),
                several => {
                    let message = format!("it could read {} resources: give it a namespace", several.len());
                    return Err(ResourceError::Var { name: var.name.clone(), message });
                }
            }
        }
        vars.iter().try_for_each(|var| self.add(var.clone()))
    }

    /// Writes the values where the specs say.
    ///
    /// # Errors
    /// When a var reads nothing, or a field cannot hold one.
    pub(crate) fn resolve(&self, map: &mut ResMap, specs: &[FieldSpec], schemas: &Schemas) -> Result<(), ResourceError> {
        if self.0.is_empty() {
            return Ok(());
        }
        let mut values = HashMap::with_capacity(self.0.len());
        for var in &self.0 {
            values.insert(var.name.as_str(), value_of(var, map.resources())?);
        }
        let specs = Compiled::all(specs);
        for resource in map.contents_mut() {
            for spec in &specs {
                if !resource.gvk().is_selected(spec.spec.gvk()) {
                    continue;
                }
                let walked = spec.walk(&mut resource.node, None, &mut |node| set(node, &values));
                walked.map_err(|error| ResourceError::field(resource, schemas, error))?;
            }
            resource.settle();
        }
        Ok(())
    }
}

/// What a var reads.
#[derive(Clone, Debug)]
enum Value {
    Text(Str),
    Int(i64),
    Float(f64),
    Bool(bool),
    /// A map or list, which is put nowhere.
    Other,
}

impl Value {
    /// As it stands within a text.
    fn text(&self, name: &str) -> String {
        match self {
            Value::Text(text) => text.to_string(),
            Value::Int(n) => n.to_string(),
            Value::Float(n) => gitops_manifest::json::print(&gitops_manifest::Value::Number(Number::Float(*n))),
            Value::Bool(b) => b.to_string(),
            Value::Other => format!("$({name})"),
        }
    }

    /// As it stands alone.
    fn scalar(&self, name: &str) -> Scalar {
        let tag = match self {
            Value::Text(_) | Value::Other => Tag::Str,
            Value::Int(_) => Tag::Int,
            Value::Float(_) => Tag::Float,
            Value::Bool(_) => Tag::Bool,
        };
        let text = match self {
            Value::Float(n) => n.to_string(),
            other => other.text(name),
        };
        Scalar::new(text, tag, Style::Plain)
    }
}

fn value_of(var: &Var, resources: &[Resource]) -> Result<Value, ResourceError> {
    let error = |message: String| ResourceError::Var { name: var.name.clone(), message };
    let source = resources.iter().find(|r| r.memory.vars.iter().any(|name| name == var.name.as_str()));
    let Some(source) = source else { return Err(error("there is no resource for it to read".to_owned())) };
    let found = field(&source.node, &var.field_path);
    let Some(node) = found else { return Err(error(format!("the resource has no field `{}`", var.field_path))) };
    let Node::Scalar(scalar) = node else { return Ok(Value::Other) };
    let text = scalar.text.as_str();
    let unreadable = || error(format!("`{text}` in field `{}` cannot be read", var.field_path));
    Ok(match scalar.tag {
        Tag::Int => Value::Int(text.parse().map_err(|_| unreadable())?),
        Tag::Float => Value::Float(text.parse().map_err(|_| unreadable())?),
        Tag::Bool => match text {
            "true" | "True" | "TRUE" => Value::Bool(true),
            "false" | "False" | "FALSE" => Value::Bool(false),
            _ => return Err(unreadable()),
        },
        _ => Value::Text(scalar.text.clone()),
    })
}

/// The field at a path of names with dots between them; `[0]` and `[name=value]` choose from lists, `[a.b]` is one name.
fn field<'n>(root: &'n Node, path: &str) -> Option<&'n Node> {
    let mut node = root;
    for step in steps(path) {
        node = match (node, step.strip_prefix('[').and_then(|s| s.strip_suffix(']'))) {
            (Node::List(list), Some(choice)) => match choice.split_once('=') {
                Some(("", value)) => list.iter().find(|item| item.text() == value)?,
                Some((key, value)) => list.iter().find(|item| item.get(key).is_some_and(|v| v.text() == value))?,
                None => return None,
            },
            (Node::List(list), None) if step == "-" => list.last()?,
            (Node::List(list), None) => list.get(step.parse::<usize>().ok()?)?,
            (node, _) => node.get(&step)?,
        };
    }
    Some(node)
}

fn steps(path: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    let path = if path.len() > 1 { path.strip_prefix('.').unwrap_or(path) } else { path };
    for part in path.split('.') {
        match parts.last_mut() {
            Some(last) if last.ends_with('\\') => {
                last.pop();
                last.push('.');
                last.push_str(part);
            }
            _ => parts.push(part.to_owned()),
        }
    }
    let mut out = Vec::new();
    let mut parts = parts.into_iter();
    while let Some(mut part) = parts.next() {
        if part.starts_with('[') && !part.ends_with(']') {
            for more in parts.by_ref() {
                part.push('.');
                part.push_str(&more);
                if more.ends_with(']') {
                    break;
                }
            }
            if !part.contains('=') {
                part = part.trim_matches(['[', ']']).to_owned();
            }
            out.push(part);
            continue;
        }
        // `name[0]` is the name, then the place.
        let indexed = part
            .strip_suffix(']')
            .and_then(|p| p.rsplit_once('['))
            .filter(|(_, at)| !at.is_empty() && at.bytes().all(|b| b.is_ascii_digit()));
        match indexed {
            Some((name, at)) => {
                out.extend((!name.is_empty()).then(|| name.to_owned()));
                out.push(at.to_owned());
            }
            None => out.push(part),
        }
    }
    out
}

fn set(node: &mut Node, values: &HashMap<&str, Value>) -> Result<(), FieldError> {
    match node {
        Node::Scalar(scalar) => {
            set_scalar(scalar, values);
            Ok(())
        }
        Node::List(list) => list.iter_mut().try_for_each(|item| match item {
            Node::Scalar(scalar) if is_text(scalar) => {
                set_scalar(scalar, values);
                Ok(())
            }
            other => Err(FieldError::new(format!("expected a text, found a {}", other.kind_name()))),
        }),
        Node::Map(map) => {
            for (key, value) in map.entries_mut() {
                if !is_text(key) {
                    return Err(FieldError::new(format!("the key `{}` is not a text", key.text)));
                }
                if let Node::Scalar(scalar) = value {
                    set_scalar(scalar, values);
                }
            }
            Ok(())
        }
    }
}

fn is_text(scalar: &Scalar) -> bool {
    matches!(scalar.tag, Tag::Str | Tag::Unset)
}

fn set_scalar(scalar: &mut Scalar, values: &HashMap<&str, Value>) {
    if !is_text(scalar) {
        return;
    }
    let new = replaced(&scalar.text, values);
    scalar.take(new);
}

/// The text with its vars replaced. A text that is one var and nothing else becomes what the var is.
fn replaced(text: &str, values: &HashMap<&str, Value>) -> Scalar {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$').filter(|at| at + 1 < rest.len()) {
        out.push_str(&rest[..at]);
        let behind = &rest[at + 1..];
        if let Some(after) = behind.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Some((name, after)) = behind.strip_prefix('(').and_then(|b| b.split_once(')')) {
            let value = values.get(name);
            if at == 0 && after.is_empty() && rest.len() == text.len() {
                return match value {
                    Some(value) => value.scalar(name),
                    None => Scalar::new(text, Tag::Str, Style::Plain),
                };
            }
            match value {
                Some(value) => out.push_str(&value.text(name)),
                None => out.extend(["$(", name, ")"]),
            }
            rest = after;
        } else {
            let length = behind.chars().next().map_or(0, char::len_utf8);
            out.push('$');
            out.push_str(&behind[..length]);
            rest = &behind[length..];
        }
    }
    out.push_str(rest);
    Scalar::new(out, Tag::Str, Style::Plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vars_are_replaced_in_texts() {
        let values = HashMap::from([("A", Value::Int(7)), ("B", Value::Text("b".into()))]);
        let text = |t: &str| replaced(t, &values).text.to_string();
        assert_eq!(text("$(A)-$(B)-$(C)-$$(A)-$x-$"), "7-b-$(C)-$(A)-$x-$");
        assert_eq!(replaced("$(A)", &values).tag, Tag::Int);
    }

    #[test]
    fn paths_choose_from_lists() {
        assert_eq!(steps("spec.ports[0].port"), ["spec", "ports", "0", "port"]);
        assert_eq!(steps("metadata.annotations.[a.b/c]"), ["metadata", "annotations", "a.b/c"]);
        assert_eq!(steps("a.[name=x.y].b"), ["a", "[name=x.y]", "b"]);
    }
}
