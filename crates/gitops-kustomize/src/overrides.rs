//! What an Application says on top of a kustomization: `spec.source.kustomize`.
//!
//! Rules (Argo CD): the changes are made to the kustomization as `kustomize edit` makes them, in the order name prefix,
//! name suffix, images, replicas, labels, annotations, namespace, patches (behind those that are there), components; then
//! it is built. Labels and annotations that are there already are an error unless they are forced.

use gitops_manifest::{Number, Value};

use crate::kustomization::decode::{DecodeError, Fields, Rules};
use crate::kustomization::{ImageChange, Kustomization, Label, Patch, Replica};
use crate::transform::images;

/// The block, read.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    name_prefix: String,
    name_suffix: String,
    images: Vec<ImageArgument>,
    replicas: Vec<Replica>,
    labels: Vec<(String, String)>,
    force_labels: bool,
    label_without_selector: bool,
    label_include_templates: bool,
    annotations: Vec<(String, String)>,
    force_annotations: bool,
    namespace: String,
    patches: Vec<Patch>,
    components: Vec<String>,
    ignore_missing_components: bool,
}

/// Why the block cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("spec.source.kustomize{field}: {message}")]
pub struct OverrideError {
    /// Path of the field, with a dot before each name.
    pub field: String,
    /// What is wrong.
    pub message: String,
    /// The name that was probably meant.
    pub similar: Option<String>,
}

impl From<DecodeError> for OverrideError {
    fn from(error: DecodeError) -> OverrideError {
        OverrideError { field: error.pointer.replace('/', "."), message: error.message, similar: error.similar }
    }
}

/// `old=new:tag@digest`, taken apart. `*` keeps what the kustomization has.
#[derive(Clone, Debug)]
struct ImageArgument(ImageChange);

const KNOWN: [&str; 18] = [
    "namePrefix",
    "nameSuffix",
    "images",
    "replicas",
    "commonLabels",
    "commonAnnotations",
    "commonAnnotationsEnvsubst",
    "forceCommonLabels",
    "forceCommonAnnotations",
    "labelWithoutSelector",
    "labelIncludeTemplates",
    "namespace",
    "version",
    "patches",
    "components",
    "ignoreMissingComponents",
    "kubeVersion",
    "apiVersions",
];

impl Overrides {
    /// Reads the block. `environment`: the build environment that `$NAME` stands for in images, labels and, where that is
    /// asked for, annotations.
    ///
    /// # Errors
    /// For unknown fields, wrong types, and what `kustomize edit` would refuse.
    pub fn read(block: &Value, environment: &[(String, String)]) -> Result<Overrides, OverrideError> {
        let rules = Rules::KUSTOMIZATION;
        let f = Fields::read(block, &KNOWN, rules)?;
        let expanded = |pairs: Vec<(String, String)>| pairs.into_iter().map(|(k, v)| (k, expand(&v, environment))).collect();
        let annotations = f.text_map("commonAnnotations")?.unwrap_or_default();
        let overrides = Overrides {
            name_prefix: f.text("namePrefix")?,
            name_suffix: f.text("nameSuffix")?,
            images: f.list("images", |v| image(v, environment))?,
            replicas: f.list("replicas", replica)?,
            labels: expanded(f.text_map("commonLabels")?.unwrap_or_default()),
            force_labels: f.flag("forceCommonLabels")?,
            label_without_selector: f.flag("labelWithoutSelector")?,
            label_include_templates: f.flag("labelIncludeTemplates")?,
            annotations: if f.flag("commonAnnotationsEnvsubst")? { expanded(annotations) } else { annotations },
            force_annotations: f.flag("forceCommonAnnotations")?,
            namespace: f.text("namespace")?,
            patches: f.list("patches", |v| Patch::read(v, rules))?,
            components: f.texts("components")?,
            ignore_missing_components: f.flag("ignoreMissingComponents")?,
        };
        f.text("version")?;
        f.text("kubeVersion")?;
        f.texts("apiVersions")?;
        if overrides.label_include_templates && !overrides.label_without_selector {
            let message = "labelIncludeTemplates goes with labelWithoutSelector only";
            return Err(DecodeError::new(message).inside("labelIncludeTemplates").into());
        }
        Ok(overrides)
    }

    /// Changes a kustomization. `exists` says whether a component is there.
    pub(crate) fn apply(&self, k: &mut Kustomization, exists: impl Fn(&str) -> bool) -> Result<(), OverrideError> {
        for (own, new) in
            [(&mut k.name_prefix, &self.name_prefix), (&mut k.name_suffix, &self.name_suffix), (&mut k.namespace, &self.namespace)]
        {
            if !new.is_empty() {
                own.clone_from(new);
            }
        }
        self.apply_images(k);
        if !self.replicas.is_empty() {
            k.replicas.retain(|old| !self.replicas.iter().any(|new| new.name == old.name));
            k.replicas.extend(self.replicas.iter().cloned());
            k.replicas.sort_by(|a, b| a.name.cmp(&b.name));
        }
        self.apply_labels(k)?;
        set_all(&mut k.common_annotations, &self.annotations, self.force_annotations, "commonAnnotations")?;
        k.patches.extend(self.patches.iter().cloned());
        for component in &self.components {
            let wanted = !self.ignore_missing_components || exists(component);
            if wanted && !k.components.contains(component) {
                k.components.push(component.clone());
            }
        }
        Ok(())
    }

    fn apply_images(&self, k: &mut Kustomization) {
        if self.images.is_empty() {
            return;
        }
        let mut all: Vec<ImageChange> = Vec::new();
        for ImageArgument(new) in &self.images {
            // Of several for one image the last counts, here and in the kustomization.
            all.retain(|other| other.name != new.name);
            all.push(new.clone());
        }
        let keep = |new: &mut String, old: &str| {
            if new == "*" {
                old.clone_into(new);
            }
        };
        for old in &k.images {
            match all.iter_mut().find(|new| new.name == old.name) {
                Some(new) => {
                    keep(&mut new.new_name, &old.new_name);
                    keep(&mut new.new_tag, &old.new_tag);
                    keep(&mut new.digest, &old.digest);
                }
                None => all.push(old.clone()),
            }
        }
        for new in &mut all {
            keep(&mut new.new_name, "");
            keep(&mut new.new_tag, "");
            keep(&mut new.digest, "");
        }
        all.sort_by(|a, b| a.name.cmp(&b.name));
        k.images = all;
    }

    fn apply_labels(&self, k: &mut Kustomization) -> Result<(), OverrideError> {
        if self.labels.is_empty() {
            return Ok(());
        }
        if !self.label_without_selector {
            return set_all(&mut k.common_labels, &self.labels, self.force_labels, "commonLabels");
        }
        let fits = |label: &Label| !label.include_selectors && label.include_templates == self.label_include_templates;
        let at = k.labels.iter().position(fits).unwrap_or_else(|| {
            k.labels.push(Label { include_templates: self.label_include_templates, ..Label::default() });
            k.labels.len() - 1
        });
        set_all(&mut k.labels[at].pairs, &self.labels, self.force_labels, "commonLabels")
    }
}

fn set_all(own: &mut Vec<(String, String)>, new: &[(String, String)], force: bool, field: &str) -> Result<(), OverrideError> {
    for (key, value) in new {
        match own.iter_mut().find(|(k, _)| k == key) {
            Some(_) if !force => {
                let message = format!("`{key}` is in the kustomization already: force it, or take it out of one of them");
                return Err(DecodeError::new(message).inside(field).into());
            }
            Some((_, old)) => old.clone_from(value),
            None => own.push((key.clone(), value.clone())),
        }
    }
    Ok(())
}

fn image(value: &Value, environment: &[(String, String)]) -> Result<ImageArgument, DecodeError> {
    let text = value.as_str().ok_or_else(|| DecodeError::new("an image is a text such as `old=new:tag`"))?;
    let text = expand(text, environment);
    let (key, value) = text.split_once('=').map_or((None, text.as_str()), |(key, value)| (Some(key), value));
    let (name, tag, digest) = images::split(value);
    if name == text {
        return Err(DecodeError::new(format!("`{text}` changes nothing: write `image:tag`, `image@digest` or `image=new`")));
    }
    let (new_tag, digest) = (tag.to_owned(), digest.to_owned());
    let (name, new_name) = key.map_or((name, ""), |key| (key, name));
    Ok(ImageArgument(ImageChange { name: name.to_owned(), new_name: new_name.to_owned(), new_tag, digest, ..ImageChange::default() }))
}

fn replica(value: &Value) -> Result<Replica, DecodeError> {
    let f = Fields::read(value, &["name", "count"], Rules::KUSTOMIZATION)?;
    let count = f.with("count", |v| match v {
        Value::Number(Number::Int(n)) => Ok(*n),
        Value::String(text) => text.parse().map_err(|_| DecodeError::new(format!("`{text}` is no whole number"))),
        _ => Err(DecodeError::new("a whole number is wanted")),
    })?;
    Ok(Replica { name: f.text("name")?, count: count.unwrap_or_default() })
}

/// Replaces `$NAME` and `${NAME}` by the build environment; `$$` is a dollar sign, and an unknown name is nothing.
pub fn expand(text: &str, environment: &[(String, String)]) -> String {
    let value = |name: &str| environment.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str());
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        let behind = &rest[at + 1..];
        if let Some(after) = behind.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Some((name, after)) = behind.strip_prefix('{').and_then(|b| b.split_once('}')) {
            out.push_str(value(name));
            rest = after;
        } else {
            let length = behind.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
            if length == 0 {
                out.push('$');
            }
            out.push_str(value(&behind[..length]));
            rest = &behind[length..];
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use gitops_manifest::json;

    fn overridden(block: &str, kustomization: &str) -> Result<Kustomization, OverrideError> {
        let read = |text: &str| json::parse(text.as_bytes(), "test").expect("JSON");
        let environment = [("ARGOCD_APP_NAME".to_owned(), "web".to_owned())];
        let mut k = Kustomization::read(&read(kustomization)).expect("a kustomization");
        Overrides::read(&read(block), &environment)?.apply(&mut k, |component| component == "there")?;
        Ok(k)
    }

    #[test]
    fn images_take_the_place_of_those_of_one_name() {
        let block = r#"{"images": ["a=b:*", "c@sha256:1", "d:$ARGOCD_APP_NAME"]}"#;
        let k = overridden(block, r#"{"images": [{"name": "z", "newTag": "1"}, {"name": "a", "newTag": "7"}]}"#).expect("good");
        let all: Vec<String> = k.images.iter().map(|i| format!("{}={}:{}@{}", i.name, i.new_name, i.new_tag, i.digest)).collect();
        assert_eq!(all, ["a=b:7@", "c=:@sha256:1", "d=:web@", "z=:1@"]);
        assert!(overridden(r#"{"images": ["a"]}"#, r#"{"namePrefix": "a"}"#).is_err());
    }

    #[test]
    fn labels_are_not_replaced_without_force() {
        let with = r#"{"commonLabels": {"a": "1"}}"#;
        assert!(overridden(r#"{"commonLabels": {"a": "2"}}"#, with).is_err());
        let k = overridden(r#"{"commonLabels": {"a": "2"}, "forceCommonLabels": true}"#, with).expect("forced");
        assert_eq!(k.common_labels, [("a".to_owned(), "2".to_owned())]);
        let k = overridden(r#"{"commonLabels": {"a": "${ARGOCD_APP_NAME}"}, "labelWithoutSelector": true}"#, with).expect("beside");
        assert_eq!(k.labels[0].pairs, [("a".to_owned(), "web".to_owned())]);
    }

    #[test]
    fn missing_components_can_be_left_out() {
        let block = r#"{"components": ["there", "gone"], "ignoreMissingComponents": true}"#;
        assert_eq!(overridden(block, r#"{"namePrefix": "a"}"#).expect("good").components, ["there"]);
        assert_eq!(
            overridden(r#"{"compnents": []}"#, r#"{"namePrefix": "a"}"#).expect_err("misspelt").similar.as_deref(),
            Some("components")
        );
    }
}
