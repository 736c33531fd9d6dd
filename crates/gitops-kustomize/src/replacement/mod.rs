//! Replacements: a value is taken from a source and put in fields of other resources.
//!
//! A value is a field of one resource, or text from the kustomization itself. Targets are selected as patches' targets are;
//! of `reject` each entry with a name or kind rejects by those, and one with labels or annotations by these. Of a scalar
//! that is there only the text changes: a string stays a string, a number becomes what the text is. `delimiter` and
//! `index` pick a part. Where a path leads on behind a scalar, the scalar is YAML or JSON ([`structured`]).

mod field_path;
mod layout;
mod structured;

use crate::id::Gvk;
use crate::node::{Node, shared};
use crate::resource::Resource;
use crate::selector::{Matcher, Selector, SelectorError};

use field_path::{FieldPath, Kind};

/// One entry of `replacements`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Replacement {
    /// The field that the value is taken from.
    pub(crate) source: Option<SourceSelector>,
    /// The value itself.
    pub(crate) source_value: Option<String>,
    /// Where it goes; must be given, but may be empty.
    pub(crate) targets: Option<Vec<TargetSelector>>,
}

/// The one resource, and the field of it. Here names are no regular expressions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SourceSelector {
    /// API group; nothing stands for any, here and below.
    pub(crate) group: String,
    /// API version.
    pub(crate) version: String,
    /// Kind.
    pub(crate) kind: String,
    /// Name.
    pub(crate) name: String,
    /// Namespace.
    pub(crate) namespace: String,
    /// Default: the name.
    pub(crate) field_path: String,
    /// Which part.
    pub(crate) options: Option<FieldOptions>,
}

/// Fields of selected resources.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TargetSelector {
    /// Must be given.
    pub(crate) select: Option<Selector>,
    /// Not these.
    pub(crate) reject: Vec<Selector>,
    /// Default: the name.
    pub(crate) field_paths: Vec<String>,
    /// Which part, and whether a field is made that is not there.
    pub(crate) options: Option<FieldOptions>,
}

/// Refines what a path leads to. kustomize reads `encoding` and does nothing with it; so do we.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FieldOptions {
    /// Cuts the text into parts; nothing: the whole.
    pub(crate) delimiter: String,
    /// Which part, from 0. In a target one beyond an end adds a part there.
    pub(crate) index: i64,
    /// Makes what is missing.
    pub(crate) create: bool,
}

/// Why a replacement cannot be done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ReplacementError {
    /// There is nothing to take, or `targets` is missing.
    #[error("a replacement needs `targets`, and `source` or `sourceValue`")]
    Incomplete,
    /// Two sources.
    #[error("a replacement takes its value from `source` or from `sourceValue`, not from both")]
    TwoSources,
    /// No source.
    #[error("no resource is selected by the source {source_name}")]
    NoSource {
        /// What was looked for.
        source_name: String,
    },
    /// Several sources.
    #[error("several resources are selected by the source {source_name}: say more about the one that is meant")]
    ManySources {
        /// What was looked for.
        source_name: String,
    },
    /// The source has no such field.
    #[error("the source {source_name} has no field `{path}`, or it is empty")]
    NoSourceField {
        /// The source.
        source_name: String,
        /// The field.
        path: String,
    },
    /// A target without `select`.
    #[error("a target needs `select`: it says which resources to change")]
    NoSelect,
    /// A delimiter on a map or list.
    #[error("`{path}`: a delimiter cuts text, and this is a map or list")]
    DelimiterOnCollection {
        /// The field.
        path: String,
    },
    /// A part that is not there.
    #[error("`{path}`: there is no part {index}")]
    NoPart {
        /// The field.
        path: String,
        /// Which one.
        index: i64,
    },
    /// The target has no such field.
    #[error("{target} has no field `{path}`{}", if *created { ", and it cannot be made" } else { "; `create: true` makes one" })]
    NoTargetField {
        /// The resource.
        target: String,
        /// The field.
        path: String,
        /// Whether it was to be made.
        created: bool,
    },
    /// A path that cannot be followed.
    #[error("`{path}`: {message}")]
    Path {
        /// The path.
        path: String,
        /// What is wrong.
        message: String,
    },
    /// A value inside text that we do not know to print as kustomize does.
    #[error("`{path}`: only a scalar can be replaced inside YAML text")]
    InsideYaml {
        /// The path.
        path: String,
    },
    /// In `select` or `reject`.
    #[error(transparent)]
    Selector(#[from] SelectorError),
}

/// The path that stands for none.
const NAME: &str = "metadata.name";

/// Does all replacements, in order.
pub(crate) fn apply(replacements: &[Replacement], resources: &mut [Resource]) -> Result<(), ReplacementError> {
    replacements.iter().try_for_each(|replacement| replace(replacement, resources))
}

fn replace(replacement: &Replacement, resources: &mut [Resource]) -> Result<(), ReplacementError> {
    let Some(targets) = &replacement.targets else { return Err(ReplacementError::Incomplete) };
    let mut value = match (&replacement.source, &replacement.source_value) {
        (None, None) => return Err(ReplacementError::Incomplete),
        (Some(_), Some(_)) => return Err(ReplacementError::TwoSources),
        (None, Some(text)) => Value { node: Node::untagged(text.as_str()), source: None },
        (Some(source), None) => Value::taken(source, resources)?,
    };
    targets.iter().try_for_each(|target| put(target, &mut value, resources))
}

/// What is replaced by, and where it is from, while it is still one with it there.
struct Value {
    node: Node,
    source: Option<(usize, FieldPath)>,
}

impl Value {
    fn taken(source: &SourceSelector, resources: &[Resource]) -> Result<Value, ReplacementError> {
        let mut found = resources.iter().enumerate().filter(|(_, resource)| source.selects(resource));
        let (at, resource) = found.next().ok_or_else(|| ReplacementError::NoSource { source_name: source.words() })?;
        if found.next().is_some() {
            return Err(ReplacementError::ManySources { source_name: source.words() });
        }
        let text = if source.field_path.is_empty() { NAME } else { &source.field_path };
        let path = FieldPath::parse(text)?;
        let missing = || ReplacementError::NoSourceField { source_name: source.words(), path: text.to_owned() };
        let node = path.look_up(&resource.node)?.filter(|node| !node.is_null_or_empty()).ok_or_else(missing)?;
        let mut node = node.clone();
        shared::part(&mut node);
        let Some(options) = source.options.as_ref().filter(|options| !options.delimiter.is_empty()) else {
            return Ok(Value { node, source: Some((at, path)) });
        };
        let Node::Scalar(scalar) = &mut node else {
            return Err(ReplacementError::DelimiterOnCollection { path: text.to_owned() });
        };
        let part = usize::try_from(options.index).ok().and_then(|index| scalar.text.split(options.delimiter.as_str()).nth(index));
        let part = part.ok_or_else(|| ReplacementError::NoPart { path: text.to_owned(), index: options.index })?;
        scalar.text = part.into();
        Ok(Value { node, source: None })
    }

    /// A target can be the source itself: what is put there is what later targets get.
    fn refresh(&mut self, changed: usize, resource: &Resource) {
        let Some((at, path)) = &self.source else { return };
        if *at == changed
            && let Ok(Some(node)) = path.look_up(&resource.node)
        {
            self.node.clone_from(node);
            shared::part(&mut self.node);
        }
    }
}

impl SourceSelector {
    fn selects(&self, resource: &Resource) -> bool {
        let wanted = Gvk { group: &self.group, version: &self.version, kind: &self.kind };
        let effective = |namespace: &str| if namespace.is_empty() { "default".to_owned() } else { namespace.to_owned() };
        let fits = |gvk: Gvk<'_>, name: &str, namespace: &str| {
            (self.name.is_empty() || self.name == name)
                && (self.namespace.is_empty() || effective(&self.namespace) == effective(namespace))
                && gvk.is_selected(wanted)
        };
        fits(resource.gvk(), resource.name(), resource.namespace()) || resource.previous_ids().any(|id| fits(id.gvk, id.name, id.namespace))
    }

    fn words(&self) -> String {
        let parts = [
            ("group", &self.group),
            ("version", &self.version),
            ("kind", &self.kind),
            ("name", &self.name),
            ("namespace", &self.namespace),
        ];
        let parts: Vec<String> =
            parts.iter().filter(|(_, text)| !text.is_empty()).map(|(field, text)| format!("{field}: {text}")).collect();
        format!("{{{}}}", parts.join(", "))
    }
}

fn put(target: &TargetSelector, value: &mut Value, resources: &mut [Resource]) -> Result<(), ReplacementError> {
    let select = Matcher::new(target.select.as_ref().ok_or(ReplacementError::NoSelect)?)?;
    let reject: Vec<(&Selector, Matcher)> =
        target.reject.iter().map(|selector| Matcher::new(selector).map(|matcher| (selector, matcher))).collect::<Result<_, _>>()?;
    let name = [NAME.to_owned()];
    let paths = if target.field_paths.is_empty() { &name[..] } else { &target.field_paths };
    let paths: Vec<FieldPath> = paths.iter().map(|path| FieldPath::parse(path)).collect::<Result<_, _>>()?;
    for (at, resource) in resources.iter_mut().enumerate() {
        if !is_meant(resource, &select, &reject)? {
            continue;
        }
        for path in &paths {
            copy(path, target.options.as_ref(), &value.node, resource)?;
            resource.settle();
            value.refresh(at, resource);
        }
    }
    Ok(())
}

fn is_meant(resource: &Resource, select: &Matcher, reject: &[(&Selector, Matcher)]) -> Result<bool, ReplacementError> {
    if !select.labels_and_annotations(resource)? {
        return Ok(false);
    }
    for (selector, matcher) in reject {
        let asks = !selector.label_selector.is_empty() || !selector.annotation_selector.is_empty();
        if asks && matcher.labels_and_annotations(resource)? {
            return Ok(false);
        }
    }
    let any = |matcher: &Matcher| {
        matcher.id(resource.gvk(), resource.name(), resource.namespace())
            || resource.previous_ids().any(|id| matcher.id(id.gvk, id.name, id.namespace))
    };
    Ok(any(select) && !reject.iter().any(|(selector, matcher)| !selector.names_nothing() && any(matcher)))
}

fn copy(path: &FieldPath, options: Option<&FieldOptions>, value: &Node, resource: &mut Resource) -> Result<(), ReplacementError> {
    if structured::copy(path, options, value, &mut resource.node)? {
        return Ok(());
    }
    let create = options.is_some_and(|options| options.create).then(|| Kind::of(value));
    let missing = |resource: &Resource| ReplacementError::NoTargetField {
        target: format!("{} {}", resource.kind(), resource.name()),
        path: path.text().to_owned(),
        created: create.is_some(),
    };
    match path.visit(&mut resource.node, create, &mut |field| set(field, options, value, path)) {
        Ok(0) => Err(missing(resource)),
        Ok(_) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Sets a field: of a scalar only the text, or a part of it.
fn set(field: &mut Node, options: Option<&FieldOptions>, value: &Node, path: &FieldPath) -> Result<(), ReplacementError> {
    let text = match options.filter(|options| !options.delimiter.is_empty()) {
        None => value.text().to_owned(),
        Some(options) => {
            let Node::Scalar(old) = &*field else {
                return Err(ReplacementError::DelimiterOnCollection { path: path.text().to_owned() });
            };
            // Null has no text of its own here.
            let new = if value.is_null() { "" } else { value.text() };
            let mut parts: Vec<&str> = old.text.split(options.delimiter.as_str()).collect();
            match usize::try_from(options.index) {
                Err(_) => parts.insert(0, new),
                Ok(index) if index < parts.len() => parts[index] = new,
                Ok(_) => parts.push(new),
            }
            parts.join(&options.delimiter)
        }
    };
    match field {
        Node::Scalar(scalar) => {
            let mut changed = scalar.clone();
            changed.text = text.into();
            field.replace(Node::Scalar(changed));
        }
        collection => {
            let mut new = value.clone();
            if let (Node::Scalar(scalar), false) = (&mut new, text == value.text()) {
                scalar.text = text.into();
            }
            collection.replace(new);
        }
    }
    Ok(())
}
