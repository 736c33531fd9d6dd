//! `Chart.lock`: which versions a chart's dependencies were resolved to, and whether that was for these dependencies.
//!
//! Rule: the digest is the SHA-256 of the dependencies of Chart.yaml and those of the lock, as Go prints them in JSON
//! (Helm's `resolver.HashReq`); for charts of `apiVersion: v1` that of the dependencies alone counts too, as Helm 2 wrote it.

use gitops_helm::Dependency;
use gitops_manifest::{Value, json};
use sha2::{Digest, Sha256};

/// A lock file.
#[derive(Debug, Default)]
pub(crate) struct Lock {
    dependencies: Vec<Locked>,
    digest: String,
}

/// One dependency, as it was resolved.
#[derive(Clone, Debug)]
pub(crate) struct Locked {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) repository: String,
}

impl Lock {
    pub(crate) fn read(value: &Value) -> Lock {
        let text = |value: &Value, key: &str| value.str_at(&[key]).unwrap_or_default().to_owned();
        let dependencies = value.get("dependencies").and_then(Value::as_list).unwrap_or_default().iter();
        let dependencies =
            dependencies.map(|d| Locked { name: text(d, "name"), version: text(d, "version"), repository: text(d, "repository") });
        Lock { dependencies: dependencies.collect(), digest: text(value, "digest") }
    }

    /// What a dependency was resolved to.
    pub(crate) fn of(&self, name: &str) -> Option<&Locked> {
        self.dependencies.iter().find(|locked| locked.name == name)
    }

    /// Whether the lock was made for these dependencies.
    pub(crate) fn is_for(&self, wanted: &[Dependency], is_v1: bool) -> bool {
        let locked = self.dependencies.iter().map(|locked| Dependency {
            name: locked.name.clone(),
            version: locked.version.clone(),
            repository: locked.repository.clone(),
            ..Dependency::default()
        });
        let (wanted, locked) = (printed_list(wanted), printed_list(&locked.collect::<Vec<_>>()));
        let both = format!("[{wanted},{locked}]");
        self.digest == digest(&both) || (is_v1 && self.digest == digest(&format!("{{\"dependencies\":{wanted}}}")))
    }
}

fn digest(text: &str) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(text.as_bytes())))
}

fn printed_list(dependencies: &[Dependency]) -> String {
    format!("[{}]", dependencies.iter().map(printed).collect::<Vec<_>>().join(","))
}

/// A dependency as Go's `json.Marshal` prints Helm's structure: fields in its order, empty ones left out but for two.
fn printed(dependency: &Dependency) -> String {
    let text = |text: &str| Some(Value::from(text)).filter(|_| !text.is_empty());
    let tags: Vec<Value> = dependency.tags.iter().map(|tag| Value::from(tag.as_str())).collect();
    let list = |items: Vec<Value>| Some(Value::List(items.clone())).filter(|_| !items.is_empty());
    let fields = [
        ("name", Some(Value::from(dependency.name.as_str()))),
        ("version", text(&dependency.version)),
        ("repository", Some(Value::from(dependency.repository.as_str()))),
        ("condition", text(&dependency.condition)),
        ("tags", list(tags)),
        ("import-values", list(dependency.import_values.clone())),
        ("alias", text(&dependency.alias)),
    ];
    let fields = fields.into_iter().filter_map(|(name, value)| Some(format!("\"{name}\":{}", escaped(&json::print(&value?)))));
    format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
}

/// Go escapes what could end a script in a page.
fn escaped(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written by `helm dependency update` of Helm v3.22.0.
    const LOCK: &str = r#"{"dependencies": [
        {"name": "common", "repository": "file://../common", "version": "1.2.3"},
        {"name": "other", "repository": "file://../other", "version": "0.4.0"}],
        "digest": "sha256:7b01138e87de1ac80e09c5b9244b622dc72d647f2be6d5f54a98ae08926c7472"}"#;

    fn wanted() -> Vec<Dependency> {
        let import = json::parse(br#"["data", {"child": "x<y", "parent": "b"}]"#, "import-values").unwrap();
        vec![
            Dependency {
                name: "common".into(),
                version: ">=1.0.0 <2".into(),
                repository: "file://../common".into(),
                condition: "common.enabled,global.common".into(),
                tags: vec!["a".into(), "b".into()],
                import_values: import.as_list().unwrap().to_vec(),
                alias: String::new(),
            },
            Dependency {
                name: "other".into(),
                version: "^0.4".into(),
                repository: "file://../other".into(),
                alias: "second".into(),
                ..Dependency::default()
            },
        ]
    }

    #[test]
    fn a_lock_of_helm_is_known_and_one_for_other_dependencies_is_not() {
        let lock = Lock::read(&json::parse(LOCK.as_bytes(), "Chart.lock").unwrap());
        assert!(lock.is_for(&wanted(), false));
        assert_eq!(lock.of("other").map(|locked| locked.version.as_str()), Some("0.4.0"));
        let mut changed = wanted();
        changed[1].version = "^0.5".into();
        assert!(!lock.is_for(&changed, false));
    }
}
