//! Where resources come from and who changed them: what `buildMetadata` writes into annotations.

use gitops_manifest::Str;

use crate::node::Node;
use crate::repository::RepositorySpec;
use crate::res_map::{ORIGIN, ResMap};
use crate::resource::Resource;

/// Who changed a resource.
pub(crate) const TRANSFORMATIONS: &str = "alpha.config.kubernetes.io/transformations";

/// A place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Origin {
    path: String,
    repository: String,
    reference: String,
}

/// A transformer or generator, and where it is configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    origin: Origin,
    configured_in: String,
    api_version: String,
    kind: String,
    name: String,
    namespace: String,
}

impl Origin {
    /// What a kustomization here calls `path`.
    pub(crate) fn append(&self, path: &str) -> Origin {
        match RepositorySpec::parse(path) {
            Some(spec) => {
                // The reference cuts the name of a directory that it never makes off, and finds that alone at a root.
                let path = if spec.path.is_empty() { "notCloned".to_owned() } else { clean(&spec.path) };
                Origin { path, repository: spec.clone, reference: spec.reference }
            }
            None => Origin { path: clean(&format!("{}/{path}", self.path)), ..self.clone() },
        }
    }

    /// As it stands in an annotation.
    pub(crate) fn text(&self) -> String {
        let mut out = String::new();
        self.push(&mut out, "");
        if out.is_empty() { "{}\n".to_owned() } else { out }
    }

    fn push(&self, out: &mut String, indent: &str) {
        push(out, indent, "path", &self.path);
        push(out, indent, "repo", &self.repository);
        push(out, indent, "ref", &self.reference);
    }
}

impl Source {
    /// One of kustomize's own, set by a field of the kustomization file.
    pub(crate) fn builtin(origin: &Origin, file: &str, kind: &str) -> Source {
        Source {
            configured_in: clean(&format!("{}/{file}", origin.path)),
            origin: Origin { path: String::new(), ..origin.clone() },
            api_version: "builtin".to_owned(),
            kind: kind.to_owned(),
            name: String::new(),
            namespace: String::new(),
        }
    }

    /// One with a file of its own, of which the origin is known.
    pub(crate) fn of_resource(resource: &Resource) -> Option<Source> {
        let text = resource.annotation(ORIGIN)?;
        let parsed = gitops_manifest::yaml::parse(text.as_bytes(), ORIGIN, &Default::default()).ok()?;
        let value = &parsed.documents.first()?.value;
        let part = |name: &str| value.str_at(&[name]).unwrap_or_default().to_owned();
        Some(Source {
            origin: Origin { path: String::new(), repository: part("repo"), reference: part("ref") },
            configured_in: part("path"),
            api_version: resource.api_version().to_owned(),
            kind: resource.kind().to_owned(),
            name: resource.name().to_owned(),
            namespace: resource.namespace().to_owned(),
        })
    }

    fn text(&self, indent: &str) -> String {
        let mut out = String::new();
        self.origin.push(&mut out, indent);
        push(&mut out, indent, "configuredIn", &self.configured_in);
        out.push_str(indent);
        out.push_str("configuredBy:\n");
        let deeper = format!("{indent}  ");
        for (key, value) in [("apiVersion", &self.api_version), ("kind", &self.kind), ("name", &self.name), ("namespace", &self.namespace)]
        {
            push(&mut out, &deeper, key, value);
        }
        out
    }
}

/// Says of resources that have no origin yet that a generator made them.
pub(crate) fn add_generator(resource: &mut Resource, source: Option<&Source>) {
    if let Some(source) = source
        && resource.annotation(ORIGIN).is_none()
    {
        set(resource, ORIGIN, source.text(""));
    }
}

/// Says of all resources that a transformer had them in hand.
pub(crate) fn add_transformer(map: &mut ResMap, source: Option<&Source>) {
    let Some(source) = source else { return };
    for resource in map.contents_mut() {
        if resource.annotation(ORIGIN).is_none() {
            set(resource, ORIGIN, source.text(""));
            continue;
        }
        let mut text = resource.annotation(TRANSFORMATIONS).unwrap_or_default().to_owned();
        let item = source.text("  ");
        text.push_str("- ");
        text.push_str(item.trim_start_matches(' '));
        set(resource, TRANSFORMATIONS, text);
    }
}

/// Sets one annotation, all of them made anew.
pub(crate) fn set(resource: &mut Resource, key: &str, text: String) {
    resource.change_annotations(|all| {
        all.retain(|(k, _)| k != key);
        all.push((Str::from(key), Str::from(text)));
    });
}

fn push(out: &mut String, indent: &str, key: &str, value: &str) {
    if value.is_empty() {
        return;
    }
    out.extend([indent, key, ": "]);
    out.push_str(&written(value));
    out.push('\n');
}

/// A text as go-yaml v3 writes it on one line.
fn written(text: &str) -> String {
    let node = Node::from_value(text.into());
    let quoted = node.as_scalar().is_some_and(|s| s.style == crate::node::Style::Double);
    if quoted {
        return format!("\"{text}\"");
    }
    let first = text.as_bytes().first().copied().unwrap_or(b' ');
    let plain = !b"-?:,[]{}#&*!|>'\"%@` ".contains(&first) && !text.contains(": ") && !text.contains(" #") && !text.ends_with([':', ' ']);
    if plain { text.to_owned() } else { format!("'{}'", text.replace('\'', "''")) }
}

/// Go's `filepath.Clean`, with nothing for the directory itself.
fn clean(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}
