//! The values of an object that are sealed and opened.

use gitops_manifest::{ObjectId, Value, pointer};

use crate::sealer::{OpenError, Sealer, is_sealed};
use crate::secrets::Secrets;

/// Beginnings of annotations and labels that tools act by. A secret has no place there.
const STEERING: [&str; 5] = ["argocd.argoproj.io/", "helm.sh/", "gitops-engine.dev/", "kustomize.toolkit.fluxcd.io/", "app.kubernetes.io/"];

impl Sealer {
    /// Seals what of an object must not be seen. Returns how many values that were.
    pub fn seal_object(&self, id: &ObjectId, body: &mut Value, secrets: &Secrets) -> usize {
        let is_secret = secrets.any() && id.group.is_empty() && id.kind == "Secret";
        let mut sealing = Sealing { sealer: self, secrets, is_secret, place: format!("{id}"), root: 0, sealed: 0 };
        sealing.root = sealing.place.len();
        sealing.value(body);
        sealing.sealed
    }

    /// Opens every sealed value of an object.
    ///
    /// # Errors
    /// With the pointer of the first that cannot be opened.
    pub fn open_object(&self, body: &mut Value) -> Result<(), (String, OpenError)> {
        open(self, body, &mut String::new())
    }
}

/// Whether an object holds a sealed value.
pub fn holds_sealed(body: &Value) -> bool {
    match body {
        Value::String(text) => is_sealed(text),
        Value::List(items) => items.iter().any(holds_sealed),
        Value::Map(map) => map.values().any(holds_sealed),
        _ => false,
    }
}

impl Sealer {
    /// Seals in `live` what is sealed in `desired`, at the same places: by the same text where the value is the same, so that
    /// the two can be compared and shown.
    pub fn cover(&self, desired: &Value, live: &mut Value) {
        match (desired, live) {
            (Value::String(text), live) if is_sealed(text) => {
                let same = self.open(text).is_ok_and(|opened| opened == *live);
                *live = Value::from(if same { text.to_string() } else { self.seal(live, "live") });
            }
            (Value::List(wanted), Value::List(items)) => {
                wanted.iter().zip(items).for_each(|(wanted, item)| self.cover(wanted, item));
            }
            (Value::Map(wanted), Value::Map(map)) => {
                for (key, item) in map.iter_mut() {
                    if let Some(wanted) = wanted.get(key) {
                        self.cover(wanted, item);
                    }
                }
            }
            _ => {}
        }
    }

    /// Adds all that is sealed in an object to what must not be seen.
    pub fn note_sealed(&self, body: &Value, secrets: &mut Secrets) {
        match body {
            Value::String(text) if is_sealed(text) => {
                if let Ok(Value::String(opened)) = self.open(text) {
                    secrets.add(&opened);
                }
            }
            Value::List(items) => items.iter().for_each(|item| self.note_sealed(item, secrets)),
            Value::Map(map) => map.values().for_each(|item| self.note_sealed(item, secrets)),
            _ => {}
        }
    }
}

fn open(sealer: &Sealer, value: &mut Value, place: &mut String) -> Result<(), (String, OpenError)> {
    match value {
        Value::String(text) if is_sealed(text) => *value = sealer.open(text).map_err(|e| (place.clone(), e))?,
        Value::List(items) => {
            for (i, item) in items.iter_mut().enumerate() {
                below(place, &i.to_string(), |place| open(sealer, item, place))?;
            }
        }
        Value::Map(map) => {
            for (key, item) in map.iter_mut() {
                below(place, key, |place| open(sealer, item, place))?;
            }
        }
        _ => {}
    }
    Ok(())
}

struct Sealing<'a> {
    sealer: &'a Sealer,
    secrets: &'a Secrets,
    is_secret: bool,
    /// Identity of the object and pointer to the value.
    place: String,
    root: usize,
    sealed: usize,
}

impl Sealing<'_> {
    fn value(&mut self, value: &mut Value) {
        match value {
            Value::List(items) => {
                for (i, item) in items.iter_mut().enumerate() {
                    self.below(&i.to_string(), item);
                }
            }
            Value::Map(map) => {
                for (key, item) in map.iter_mut() {
                    self.below(key, item);
                }
            }
            Value::Null => {}
            leaf => {
                if self.hides(leaf) {
                    *leaf = Value::from(self.sealer.seal(leaf, &self.place));
                    self.sealed += 1;
                }
            }
        }
    }

    fn below(&mut self, key: &str, value: &mut Value) {
        let length = self.place.len();
        pointer::append(&mut self.place, key);
        if !self.is_kept() {
            self.value(value);
        }
        self.place.truncate(length);
    }

    fn at(&self) -> &str {
        &self.place[self.root..]
    }

    /// What names or steers the object.
    fn is_kept(&self) -> bool {
        let at = self.at();
        let named = ["/metadata/annotations/", "/metadata/labels/"].iter().find_map(|map| at.strip_prefix(map));
        matches!(at, "/apiVersion" | "/kind" | "/metadata/name" | "/metadata/namespace" | "/metadata/generateName")
            || named.is_some_and(|key| STEERING.iter().any(|prefix| key.replace("~1", "/").starts_with(prefix)))
    }

    fn hides(&self, leaf: &Value) -> bool {
        let in_secret = self.is_secret && (self.at().starts_with("/data/") || self.at().starts_with("/stringData/"));
        match leaf {
            Value::String(text) => in_secret || is_sealed(text) || self.secrets.are_in(text),
            Value::Number(_) => in_secret || self.secrets.are_in(&gitops_manifest::json::print(leaf)),
            _ => in_secret,
        }
    }
}

fn below<T>(place: &mut String, key: &str, work: impl FnOnce(&mut String) -> T) -> T {
    let length = place.len();
    pointer::append(place, key);
    let result = work(place);
    place.truncate(length);
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use gitops_manifest::{Location, Manifest, json};

    fn object(text: &str) -> Manifest {
        Manifest::from_value(json::parse(text.as_bytes(), "").unwrap(), Location::default()).unwrap()
    }

    #[test]
    fn what_holds_a_secret_is_sealed_and_opened_again() {
        let sealer = Sealer::new([&[3; 32]]).unwrap();
        let mut secrets = Secrets::default();
        secrets.add("hunter22");
        secrets.add("54321");
        let manifest = object(
            r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"hunter22","annotations":{"argocd.argoproj.io/sync-wave":"54321","note":"hunter22"}},
            "data":{"url":"db://u:hunter22@h","port":54321,"plain":"seen","list":["aHVudGVyMjI="]}}"#,
        );
        let mut body = manifest.body().clone();
        assert_eq!(sealer.seal_object(manifest.id(), &mut body, &secrets), 4);
        let text = json::print(&body["data"]) + &json::print(&body["metadata"]["annotations"]["note"]);
        assert!(!text.contains("hunter22") && !text.contains("aHVudGVy") && text.contains("seen"), "{text}");
        assert_eq!(body.str_at(&["metadata", "annotations", "argocd.argoproj.io/sync-wave"]), Some("54321"));
        sealer.open_object(&mut body).unwrap();
        assert_eq!(&body, manifest.body());
    }

    #[test]
    fn secrets_are_sealed_whole_once_anything_was_decrypted() {
        let sealer = Sealer::new([&[3; 32]]).unwrap();
        let manifest = object(r#"{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s"},"data":{"a":"MQ=="},"type":"Opaque"}"#);
        let mut secrets = Secrets::default();
        assert_eq!(sealer.seal_object(manifest.id(), &mut manifest.body().clone(), &secrets), 0);
        secrets.add("1");
        assert_eq!(sealer.seal_object(manifest.id(), &mut manifest.body().clone(), &secrets), 1);
    }

    #[test]
    fn what_looks_sealed_in_git_is_not_opened() {
        let sealer = Sealer::new([&[3; 32]]).unwrap();
        let stolen = sealer.seal(&Value::from("of another application"), "");
        let manifest = object(&format!(r#"{{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"c"}},"data":{{"x":"{stolen}"}}}}"#));
        let mut body = manifest.body().clone();
        assert_eq!(sealer.seal_object(manifest.id(), &mut body, &Secrets::default()), 1);
        sealer.open_object(&mut body).unwrap();
        assert_eq!(body.str_at(&["data", "x"]), Some(stolen.as_str()));
    }
}
