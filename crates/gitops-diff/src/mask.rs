//! Hiding secret values from people, while equal and changed ones can still be told apart. `diff.md` §12.
//!
//! What is hidden: every value in `data` of a core Secret (`stringData` is moved there first, as the API server does),
//! values at pointers that the caller names, and chosen annotations of Secrets; the same values inside the last-applied
//! annotation too. At each place the first distinct value, in the order desired, live, desired's last-applied, live's
//! last-applied, becomes eight `+`, each further one four more: a mask tells neither the value nor its length.
//! What the renderer sealed (`gitops-seal`) is hidden in objects of every kind.
//! References (`vault://…`) are shown as they are: they are no secrets, and people must see which one is meant.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gitops_manifest::pointer::{self, Pointer};
use gitops_manifest::{Map, Str, Value, json};
use gitops_seal::{holds_sealed, is_sealed};

use crate::compare::{Difference, compare};
use crate::ignore::IgnoreRule;
use crate::json_patch::to_json_patch;
use crate::unified::unified;

const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
const FIRST: usize = 8;
const STEP: usize = 4;

/// A pointer that cannot be masked at.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{pointer}` is not a JSON pointer; write e.g. `/spec/password`, with `*` for every key or element")]
pub struct MaskerError {
    pointer: String,
}

/// What is secret.
#[derive(Clone, Debug, Default)]
pub struct Masker {
    pointers: Vec<Pointer>,
    annotations: Vec<String>,
}

/// Two sides with secrets hidden. Its methods are those of the crate.
#[derive(Clone, Debug, PartialEq)]
pub struct Masked {
    /// Desired, `Null` when there is none.
    pub desired: Value,
    /// Live, `Null` when there is none.
    pub live: Value,
}

impl Masked {
    /// [`crate::compare`].
    pub fn compare(&self, rules: &[IgnoreRule]) -> Vec<Difference> {
        compare(&self.desired, &self.live, rules)
    }

    /// [`crate::to_json_patch`].
    pub fn json_patch(&self) -> Value {
        to_json_patch(&self.live, &self.desired)
    }

    /// [`crate::unified`].
    pub fn unified(&self, labels: (&str, &str), context: usize) -> String {
        unified(&self.live, &self.desired, labels, context)
    }
}

impl Masker {
    /// Hides what core Secrets hold, and nothing else.
    pub fn new() -> Masker {
        Masker::default()
    }

    /// Also hides what stands at these pointers, in objects of every kind. A token `*` is every key and every element.
    ///
    /// # Errors
    /// When one is not a pointer.
    pub fn with_pointers<P: AsRef<str>>(mut self, pointers: impl IntoIterator<Item = P>) -> Result<Masker, MaskerError> {
        for p in pointers {
            let pointer = Pointer::parse(p.as_ref()).map_err(|_| MaskerError { pointer: p.as_ref().to_owned() })?;
            self.pointers.push(pointer);
        }
        Ok(self)
    }

    /// Also hides these annotations of core Secrets.
    pub fn with_annotations<A: Into<String>>(mut self, keys: impl IntoIterator<Item = A>) -> Masker {
        self.annotations.extend(keys.into_iter().map(Into::into));
        self
    }

    /// Hides the secrets of one object's two sides. A side that is not there is `Null`.
    pub fn mask(&self, desired: &Value, live: &Value) -> Masked {
        // A change of kind must not bare what the other side holds.
        let secret = is_secret(desired) || is_secret(live);
        let mut sides = [desired.clone(), live.clone()];
        if !secret && self.pointers.is_empty() && !sides.iter().any(holds_sealed) {
            let [desired, live] = sides;
            return Masked { desired, live };
        }
        let mut masks = Masks::default();
        for side in &mut sides {
            self.hide(side, secret, &mut masks);
        }
        for side in &mut sides {
            self.hide_last_applied(side, secret, &mut masks);
        }
        let [desired, live] = sides;
        Masked { desired, live }
    }

    fn hide(&self, object: &mut Value, secret: bool, masks: &mut Masks) {
        if secret {
            move_string_data(object);
            for field in ["data", "stringData"] {
                masks.hide_at(object, &[field.into()], &mut String::new());
            }
            for key in &self.annotations {
                masks.hide_at(object, &["metadata".into(), "annotations".into(), key.as_str().into()], &mut String::new());
            }
        }
        for pointer in &self.pointers {
            masks.hide_at(object, pointer.tokens(), &mut String::new());
        }
        masks.hide_sealed(object, &mut String::new());
    }

    fn hide_last_applied(&self, object: &mut Value, secret: bool, masks: &mut Masks) {
        let annotations = object.as_map_mut().and_then(|o| o.get_mut("metadata")).and_then(Value::as_map_mut);
        let Some(annotations) = annotations.and_then(|m| m.get_mut("annotations")).and_then(Value::as_map_mut) else { return };
        let Some(text) = annotations.get(LAST_APPLIED) else { return };
        let parsed = text.as_str().and_then(|t| json::parse(t.as_bytes(), LAST_APPLIED).ok()).filter(|v| v.as_map().is_some());
        let hidden = match parsed {
            Some(mut applied) => {
                self.hide(&mut applied, secret, masks);
                json::print(&applied)
            }
            None => "+".repeat(FIRST),
        };
        annotations.insert(LAST_APPLIED, hidden);
    }
}

fn is_secret(object: &Value) -> bool {
    object.str_at(&["apiVersion"]) == Some("v1") && object.str_at(&["kind"]) == Some("Secret")
}

/// Moves `stringData` to `data` and encodes it; it wins over what is there. What is not text is moved as it is.
pub(crate) fn move_string_data(object: &mut Value) {
    let Some(object) = object.as_map_mut() else { return };
    let Some(Value::Map(from)) = object.get("stringData").cloned() else { return };
    object.remove("stringData");
    let data = object.entry_or_null("data");
    if data.as_map().is_none() {
        *data = Value::Map(Map::new());
    }
    let Some(data) = data.as_map_mut() else { return };
    for (key, value) in from {
        let value = match value.as_str() {
            Some(text) if !is_reference(text) => Value::from(STANDARD.encode(text)),
            _ => value,
        };
        data.insert(key, value);
    }
}

/// Whether a text only names a secret. A text with blanks or `@` may hold more than a name.
fn is_reference(text: &str) -> bool {
    text.strip_prefix("vault://").is_some_and(|rest| !rest.contains(|c: char| c == '@' || c.is_whitespace() || c.is_control()))
}

/// Distinct values by place.
#[derive(Default)]
struct Masks(HashMap<String, Vec<Value>>);

impl Masks {
    fn hide_at(&mut self, value: &mut Value, tokens: &[Str], place: &mut String) {
        let Some((first, rest)) = tokens.split_first() else { return self.hide_all(value, place) };
        match value {
            Value::Map(m) => {
                for (key, v) in m.iter_mut().filter(|(key, _)| *first == "*" || key.as_str() == first.as_str()) {
                    below(place, key, |place| self.hide_at(v, rest, place));
                }
            }
            Value::List(l) => {
                let only = pointer::index(first);
                for (i, v) in l.iter_mut().enumerate().filter(|(i, _)| *first == "*" || Some(*i) == only) {
                    below(place, &i.to_string(), |place| self.hide_at(v, rest, place));
                }
            }
            _ => {}
        }
    }

    fn hide_sealed(&mut self, value: &mut Value, place: &mut String) {
        match value {
            Value::Map(m) => {
                for (key, v) in m.iter_mut() {
                    below(place, key, |place| self.hide_sealed(v, place));
                }
            }
            Value::List(l) => {
                for (i, v) in l.iter_mut().enumerate() {
                    below(place, &i.to_string(), |place| self.hide_sealed(v, place));
                }
            }
            Value::String(text) if is_sealed(text) => *value = self.mask_of(place, value),
            _ => {}
        }
    }

    fn hide_all(&mut self, value: &mut Value, place: &mut String) {
        match value {
            Value::Map(m) => {
                for (key, v) in m.iter_mut() {
                    below(place, key, |place| self.hide_all(v, place));
                }
            }
            Value::List(l) => {
                for (i, v) in l.iter_mut().enumerate() {
                    below(place, &i.to_string(), |place| self.hide_all(v, place));
                }
            }
            Value::String(s) if is_reference(s) => {}
            leaf => *leaf = self.mask_of(place, leaf),
        }
    }

    /// The mask of a value at a place. A place that is named twice is masked twice, which still keeps equal values equal and
    /// different ones different.
    fn mask_of(&mut self, place: &str, value: &Value) -> Value {
        let seen = self.0.entry(place.to_owned()).or_default();
        let known = seen.iter().position(|v| v == value);
        let n = known.unwrap_or_else(|| {
            seen.push(value.clone());
            seen.len() - 1
        });
        Value::from("+".repeat(FIRST + STEP * n))
    }
}

fn below(place: &mut String, token: &str, work: impl FnOnce(&mut String)) {
    let length = place.len();
    pointer::append(place, token);
    work(place);
    place.truncate(length);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_is_hidden_in_every_kind() {
        let object = |password: &str| {
            let text = format!(r#"{{"kind":"ConfigMap","apiVersion":"v1","data":{{"url":"{password}","plain":"seen"}}}}"#);
            json::parse(text.as_bytes(), "").expect("valid")
        };
        let masked = Masker::new().mask(&object("sealed:v1:aa:bb"), &object("sealed:v1:aa:cc"));
        assert_eq!(masked.desired.str_at(&["data", "url"]), Some("++++++++"));
        assert_eq!(masked.live.str_at(&["data", "url"]), Some("++++++++++++"));
        assert_eq!(masked.live.str_at(&["data", "plain"]), Some("seen"));
    }
}
