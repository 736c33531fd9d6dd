//! ConfigMaps and Secrets that the server was given in files: what Argo CD's objects name by reference where there is no
//! cluster to read them from.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use gitops_manifest::{Value, yaml};

/// By name. `Debug` shows names only.
#[derive(Clone, Default)]
pub struct Objects {
    config_maps: BTreeMap<String, BTreeMap<String, String>>,
    secrets: BTreeMap<String, BTreeMap<String, String>>,
}

impl fmt::Debug for Objects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (maps, secrets): (Vec<_>, Vec<_>) = (self.config_maps.keys().collect(), self.secrets.keys().collect());
        f.debug_struct("Objects").field("config_maps", &maps).field("secrets", &secrets).finish()
    }
}

impl Objects {
    /// Adds every ConfigMap and Secret of a YAML text; other kinds are an error.
    ///
    /// # Errors
    /// Where, and what is wrong. No value of a Secret is in it.
    pub fn add(&mut self, text: &[u8], file: &str) -> Result<(), String> {
        let parsed = yaml::parse(text, file, &yaml::ParseOptions::default()).map_err(|e| e.to_string())?;
        for document in parsed.documents {
            let body = document.value;
            let wrong = |what: &str| format!("{}: {what}", document.at);
            let kind = body.str_at(&["kind"]).unwrap_or_default();
            let name = body.str_at(&["metadata", "name"]).filter(|n| !n.is_empty()).ok_or_else(|| wrong("`metadata.name` is missing"))?;
            match kind {
                "ConfigMap" => {
                    self.config_maps.insert(name.to_owned(), texts(&body, "data").map_err(|key| wrong(&format!("data.{key} is no text")))?);
                }
                "Secret" => {
                    let mut data = BTreeMap::new();
                    for (key, encoded) in texts(&body, "data").map_err(|key| wrong(&format!("data.{key} is no text")))? {
                        let plain = base64::engine::general_purpose::STANDARD.decode(encoded.split_whitespace().collect::<String>());
                        let plain = plain.ok().and_then(|bytes| String::from_utf8(bytes).ok());
                        data.insert(
                            key.clone(),
                            plain.ok_or_else(|| wrong(&format!("data.{key} is no base64 of a text; or use stringData")))?,
                        );
                    }
                    data.extend(texts(&body, "stringData").map_err(|key| wrong(&format!("stringData.{key} is no text")))?);
                    self.secrets.insert(name.to_owned(), data);
                }
                other => return Err(wrong(&format!("kind `{other}`: only ConfigMaps and Secrets are read here"))),
            }
        }
        Ok(())
    }

    /// The data of a ConfigMap.
    pub fn config_map(&self, name: &str) -> Option<&BTreeMap<String, String>> {
        self.config_maps.get(name)
    }

    /// One value of a Secret.
    pub fn secret(&self, name: &str, key: &str) -> Option<&str> {
        self.secrets.get(name)?.get(key).map(String::as_str)
    }
}

/// The texts of a map, or the key of what is none.
fn texts(body: &Value, key: &str) -> Result<BTreeMap<String, String>, String> {
    let Some(map) = body.get(key).and_then(Value::as_map) else { return Ok(BTreeMap::new()) };
    map.iter().map(|(k, v)| Ok((k.to_string(), v.as_str().ok_or_else(|| k.to_string())?.to_owned()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_are_read_and_secrets_stay_unseen() {
        let mut objects = Objects::default();
        let text = b"kind: ConfigMap\nmetadata: {name: plugin}\ndata: {baseUrl: http://x}\n---\nkind: Secret\nmetadata: {name: t}\n\
                     data: {a: czNjcmV0}\nstringData: {b: other}\n";
        objects.add(text, "objects.yaml").expect("good");
        assert_eq!(objects.config_map("plugin").and_then(|m| m.get("baseUrl")).map(String::as_str), Some("http://x"));
        assert_eq!((objects.secret("t", "a"), objects.secret("t", "b"), objects.secret("t", "c")), (Some("s3cret"), Some("other"), None));
        assert!(!format!("{objects:?}").contains("s3cret"));
        for (text, what) in [
            ("kind: Pod\nmetadata: {name: x}\n", "only ConfigMaps and Secrets"),
            ("kind: Secret\nmetadata: {name: x}\ndata: {a: '***'}\n", "data.a is no base64"),
            ("kind: Secret\nmetadata: {}\n", "metadata.name"),
            ("kind: ConfigMap\nmetadata: {name: x}\ndata: {a: 1}\n", "data.a is no text"),
        ] {
            let e = Objects::default().add(text.as_bytes(), "objects.yaml").expect_err("wrong");
            assert!(e.contains(what) && e.starts_with("objects.yaml:"), "{e}");
        }
    }
}
