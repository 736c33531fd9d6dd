//! What a live file holds: an object, or its `spec`, with secrets put in on the way out and taken out on the way back.

use gitops_apply::TargetError;
use gitops_manifest::{Location, Manifest, Map, ObjectId, Value, json, yaml};
use gitops_seal::is_sealed;

use crate::config::{Content, Format, KindRule, SecretHandling};
use crate::secret::{Secret, Secrets, is_reference};

/// What is shown in the place of a value that belongs to a secret but is not the one that we wrote.
const MASK: &str = "********";

/// Secrets shorter than this are recognised only where they are a whole value: `a` stands in nearly every text.
const SHORTEST_PART: usize = 4;

/// How one kind is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) format: Format,
    pub(crate) content: Content,
    pub(crate) secrets: SecretHandling,
}

impl Shape {
    /// What a rule says; YAML of the whole object where there is none.
    pub(crate) fn of(rule: Option<&KindRule>) -> Shape {
        match rule {
            Some(r) => Shape { format: r.format, content: r.content, secrets: r.secrets },
            None => Shape { format: Format::Yaml, content: Content::Object, secrets: SecretHandling::Resolve },
        }
    }

    /// The bytes of the file of an object, and the secrets in it.
    pub(crate) fn write(self, manifest: &Manifest, secrets: &Secrets) -> Result<(Vec<u8>, Vec<Secret>), TargetError> {
        let body = manifest.body();
        let mut value = match self.content {
            Content::Object => body.clone(),
            Content::Spec => match body.get("spec") {
                Some(spec) => spec.clone(),
                None => {
                    return Err(TargetError::permanent(format!(
                        "{}: {}: `spec` is missing; files of this kind hold it",
                        manifest.at(),
                        manifest.id()
                    )));
                }
            },
        };
        let mut found = Vec::new();
        let base = if self.content == Content::Spec { "spec" } else { "" };
        put_in(&mut value, &mut base.to_owned(), self.secrets, secrets, &mut found).map_err(|(field, e)| TargetError {
            message: format!("{}: {}: {field}: {}", manifest.at(), manifest.id(), e.message),
            transient: e.transient,
        })?;
        let mut text = match self.format {
            Format::Json => json::print_pretty(&value),
            Format::Yaml => yaml::print(&value),
        };
        if !text.ends_with('\n') {
            text.push('\n');
        }
        Ok((text.into_bytes(), found))
    }

    /// The object that a file's bytes mean, with everything that belongs to a secret taken out. `known` are the object
    /// as recorded and as desired: where they have references, the file has secrets.
    pub(crate) fn read(self, bytes: &[u8], id: &ObjectId, known: &[&Manifest], secrets: &[Secret]) -> Result<Manifest, String> {
        let mut value = self.parse(bytes)?;
        for manifest in known {
            let pattern = match self.content {
                Content::Object => Some(manifest.body()),
                Content::Spec => manifest.body().get("spec"),
            };
            if let Some(pattern) = pattern {
                take_out(&mut value, pattern, self.secrets, secrets);
            }
        }
        take_out_anywhere(&mut value, self.secrets, secrets);
        let body = match (self.content, known.first()) {
            (Content::Object, _) => value,
            (Content::Spec, Some(manifest)) => {
                let mut body = manifest.body().clone();
                if let Some(map) = body.as_map_mut() {
                    map.insert("spec", value);
                }
                body
            }
            (Content::Spec, None) => return Err("nothing says which object it belongs to".into()),
        };
        let at = known.first().map_or_else(Location::default, |m| m.at().clone());
        let manifest = Manifest::from_value(body, at).map_err(|_| "it is not an object: apiVersion, kind or metadata.name is missing")?;
        if manifest.id() == id { Ok(manifest) } else { Err(format!("it holds another object, {}", manifest.id())) }
    }

    /// Errors give the place only: a parser's message may quote what stands there.
    fn parse(self, bytes: &[u8]) -> Result<Value, String> {
        match self.format {
            Format::Json => json::parse(bytes, "").map_err(|e| format!("line {}: not JSON", e.at.line)),
            Format::Yaml => {
                let parsed = yaml::parse(bytes, "", &yaml::ParseOptions::default());
                let documents = parsed.map_err(|e| format!("line {}: not YAML", e.at.line))?.documents;
                match <[yaml::Document; 1]>::try_from(documents) {
                    Ok([document]) => Ok(document.value),
                    Err(others) => Err(format!("{} YAML documents where one belongs", others.len())),
                }
            }
        }
    }
}

/// The least that an object of this identity can be, for a file that cannot be read.
pub(crate) fn bare(id: &ObjectId) -> Option<Manifest> {
    let api_version = if id.group.is_empty() { "v1".to_owned() } else { format!("{}/v1", id.group) };
    let mut metadata = Map::new();
    metadata.insert("name", id.name.as_str());
    if !id.namespace.is_empty() {
        metadata.insert("namespace", id.namespace.as_str());
    }
    let mut body = Map::new();
    body.insert("apiVersion", api_version);
    body.insert("kind", id.kind.as_str());
    body.insert("metadata", metadata);
    Manifest::from_value(Value::Map(body), Location::default()).ok()
}

/// Whether a text stands for a secret in files of this handling. What is sealed always does: nobody wrote it by hand.
fn stands_for_secret(text: &str, handling: SecretHandling) -> bool {
    is_sealed(text) || (handling == SecretHandling::Resolve && is_reference(text))
}

/// All references below a value, but for those in `metadata` of a whole object, which is never resolved.
pub(crate) fn references(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::String(s) if (is_reference(s) || is_sealed(s)) && !into.iter().any(|r| r == s.as_str()) => into.push(s.to_string()),
        Value::List(items) => items.iter().for_each(|v| references(v, into)),
        Value::Map(map) => map.values().for_each(|v| references(v, into)),
        _ => {}
    }
}

type FieldError = (String, crate::secret::SecretError);

fn put_in(
    value: &mut Value,
    path: &mut String,
    handling: SecretHandling,
    secrets: &Secrets,
    found: &mut Vec<Secret>,
) -> Result<(), FieldError> {
    match value {
        Value::String(s) if stands_for_secret(s, handling) => {
            let known = found.iter().find(|secret| secret.reference == s.as_str() && !is_sealed(s));
            let resolved = match known {
                Some(secret) => Value::from(secret.value.as_str()),
                None => secrets.value(s).map_err(|e| (path.clone(), e))?,
            };
            if known.is_none() {
                found.push(Secret { reference: s.to_string(), value: scalar_text(&resolved).unwrap_or_default() });
            }
            *value = resolved;
        }
        Value::List(items) => {
            for (i, item) in items.iter_mut().enumerate() {
                let length = path.len();
                path.push_str(&format!("[{i}]"));
                put_in(item, path, handling, secrets, found)?;
                path.truncate(length);
            }
        }
        Value::Map(map) => {
            for (key, item) in map.iter_mut() {
                // At the top of a whole object, `metadata` is for people and tools: nothing reads a secret there, and only
                // what the renderer sealed is put back.
                let is_head = path.is_empty() && matches!(key.as_str(), "metadata" | "apiVersion" | "kind");
                let handling = if is_head { SecretHandling::Keep } else { handling };
                let length = path.len();
                if length > 0 {
                    path.push('.');
                }
                path.push_str(key);
                put_in(item, path, handling, secrets, found)?;
                path.truncate(length);
            }
        }
        _ => {}
    }
    Ok(())
}

pub(crate) fn scalar_text(value: &Value) -> Option<String> {
    match value {
        Value::String(s) => Some(s.to_string()),
        Value::Number(_) | Value::Bool(_) => Some(json::print(value)),
        _ => None,
    }
}

/// Where `pattern` has a reference, puts it back if its secret stands there, else a mask.
fn take_out(value: &mut Value, pattern: &Value, handling: SecretHandling, secrets: &[Secret]) {
    match (value, pattern) {
        (value, Value::String(reference)) if stands_for_secret(reference, handling) => {
            let text = scalar_text(value);
            let same = secrets.iter().any(|s| s.reference == reference.as_str() && Some(&s.value) == text.as_ref());
            let already = text.as_deref() == Some(reference.as_str());
            *value = if same || already { pattern.clone() } else { Value::from(MASK) };
        }
        (Value::List(items), Value::List(patterns)) => {
            items.iter_mut().zip(patterns).for_each(|(item, pattern)| take_out(item, pattern, handling, secrets));
        }
        (Value::Map(map), Value::Map(patterns)) => {
            for (key, item) in map.iter_mut() {
                if let Some(pattern) = patterns.get(key) {
                    take_out(item, pattern, handling, secrets);
                }
            }
        }
        _ => {}
    }
}

/// Puts references back wherever a secret was copied to.
fn take_out_anywhere(value: &mut Value, handling: SecretHandling, secrets: &[Secret]) {
    match value {
        Value::List(items) => items.iter_mut().for_each(|v| take_out_anywhere(v, handling, secrets)),
        Value::Map(map) => map.iter_mut().for_each(|(_, v)| take_out_anywhere(v, handling, secrets)),
        scalar => {
            let Some(mut text) = scalar_text(scalar) else { return };
            let mut changed = false;
            for secret in secrets.iter().filter(|s| !s.value.is_empty() && stands_for_secret(&s.reference, handling)) {
                if text == secret.value || (secret.value.len() >= SHORTEST_PART && text.contains(&secret.value)) {
                    text = text.replace(&secret.value, &secret.reference);
                    changed = true;
                }
            }
            if changed {
                *scalar = Value::from(text);
            }
        }
    }
}
