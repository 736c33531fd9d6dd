//! Names, tags and digests of container images.

use regex::Regex;

use crate::error::ResourceError;
use crate::field_spec::{Compiled, FieldError, FieldSpec};
use crate::kustomization::ImageChange;
use crate::node::{Node, Scalar};
use crate::openapi::Schemas;
use crate::res_map::ResMap;

/// Changes the images that a change names: in every list `containers` and `initContainers`, and where the specs say.
///
/// # Errors
/// When something else than a scalar stands where an image should.
pub(crate) fn set(map: &mut ResMap, change: &ImageChange, specs: &[FieldSpec], schemas: &Schemas) -> Result<(), ResourceError> {
    let matcher = Matcher::new(&change.name);
    let specs = Compiled::all(specs);
    let mut update = |node: &mut Node| -> Result<(), FieldError> {
        let Node::Scalar(scalar) = &*node else { return Err(FieldError::kind("scalar", node)) };
        if matcher.matches(&scalar.text) {
            let changed = changed(&scalar.text, change);
            node.overwrite(Node::Scalar(Scalar::untagged(changed)));
        }
        Ok(())
    };
    for resource in map.contents_mut() {
        if resource.kind() == "CustomResourceDefinition" {
            continue;
        }
        let walked = containers(&mut resource.node, &mut update).and_then(|()| {
            let gvk = crate::id::Gvk::new(resource.api_version(), resource.kind());
            let selected: Vec<&Compiled<'_>> = specs.iter().filter(|s| gvk.is_selected(s.spec.gvk())).collect();
            selected.into_iter().try_for_each(|spec| spec.walk(&mut resource.node, None, &mut update))
        });
        walked.map_err(|error| ResourceError::field(resource, schemas, error))?;
        resource.settle();
    }
    Ok(())
}

/// Calls `update` for the images of all lists of containers, wherever they are.
fn containers(node: &mut Node, update: &mut impl FnMut(&mut Node) -> Result<(), FieldError>) -> Result<(), FieldError> {
    match node {
        Node::Scalar(_) => Ok(()),
        Node::List(list) => list.iter_mut().try_for_each(|item| containers(item, update)),
        Node::Map(map) => {
            for (key, value) in map.entries_mut() {
                containers(value, update)?;
                if matches!(key.text.as_str(), "containers" | "initContainers")
                    && let Node::List(list) = value
                {
                    list.iter_mut().try_for_each(|item| image_of(item, update))?;
                }
            }
            Ok(())
        }
    }
}

fn image_of(container: &mut Node, update: &mut impl FnMut(&mut Node) -> Result<(), FieldError>) -> Result<(), FieldError> {
    match container {
        Node::Map(map) => match map.get_mut("image") {
            Some(image) => update(image),
            None => Ok(()),
        },
        Node::Scalar(scalar) if scalar.is_null() => Ok(()),
        other => Err(FieldError::kind("map", other)),
    }
}

/// Tells images of one name. A name is a regular expression in the reference, though hardly ever written as one.
enum Matcher<'n> {
    /// A name in which nothing but dots means more than itself.
    Plain(&'n str),
    Pattern(Box<Regex>),
    /// A pattern that is none matches nothing.
    Never,
}

impl<'n> Matcher<'n> {
    fn new(name: &'n str) -> Matcher<'n> {
        if name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'/' | b'-' | b'_' | b':' | b'@')) {
            return Matcher::Plain(name);
        }
        let behind = "(:[a-zA-Z0-9_.{}-]*)?(@[a-zA-Z0-9]+([.+_-][a-zA-Z0-9]+)*:[a-zA-Z0-9_.{}-]*)?$";
        Regex::new(&format!("^{name}{behind}")).map_or(Matcher::Never, |regex| Matcher::Pattern(Box::new(regex)))
    }

    fn matches(&self, image: &str) -> bool {
        match self {
            Matcher::Plain(name) => match strip_name(image, name) {
                Some(rest) => is_tag_and_digest(rest),
                None => false,
            },
            Matcher::Pattern(regex) => regex.is_match(image),
            Matcher::Never => false,
        }
    }
}

/// What stands behind the name; a dot in the name is any character.
fn strip_name<'i>(image: &'i str, name: &str) -> Option<&'i str> {
    if let Some(rest) = image.strip_prefix(name) {
        return Some(rest);
    }
    let mut rest = image.chars();
    for wanted in name.chars() {
        let found = rest.next()?;
        if found != wanted && (wanted != '.' || found == '\n') {
            return None;
        }
    }
    Some(rest.as_str())
}

fn is_tag_and_digest(text: &str) -> bool {
    let in_tag = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'{' | b'}' | b'-');
    let mut rest = text;
    if let Some(tag) = rest.strip_prefix(':') {
        rest = &tag[tag.bytes().take_while(|&b| in_tag(b)).count()..];
    }
    if rest.is_empty() {
        return true;
    }
    let Some((algorithm, hex)) = rest.strip_prefix('@').and_then(|digest| digest.split_once(':')) else { return false };
    let word = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric());
    algorithm.split(['.', '+', '_', '-']).all(word) && hex.bytes().all(in_tag)
}

fn changed(image: &str, change: &ImageChange) -> String {
    let (name, tag, digest) = split(image);
    let name = if change.new_name.is_empty() { name } else { &change.new_name };
    let (tag, digest) = match (change.new_tag.is_empty(), change.digest.is_empty()) {
        (false, false) => (change.new_tag.clone(), change.digest.as_str()),
        (false, true) => (change.new_tag.clone(), ""),
        (true, false) => (String::new(), change.digest.as_str()),
        (true, true) if !change.tag_suffix.is_empty() => (format!("{tag}{}", change.tag_suffix), ""),
        (true, true) => (tag.to_owned(), digest),
    };
    let mut out = name.to_owned();
    for (mark, part) in [(':', tag.as_str()), ('@', digest)] {
        if !part.is_empty() {
            out.push(mark);
            out.push_str(part);
        }
    }
    out
}

/// Name, tag and digest. A colon before the first slash belongs to the name: it is a port.
pub(crate) fn split(image: &str) -> (&str, &str, &str) {
    let host = image.find('/').unwrap_or(0);
    let find = |mark| image[host..].find(mark).map(|at| at + host);
    match (find(':'), find('@')) {
        (None, None) => (image, "", ""),
        (colon, Some(at)) if colon.is_none_or(|colon| at < colon) => (&image[..at], "", &image[at + 1..]),
        (Some(colon), Some(at)) => (&image[..colon], &image[colon + 1..at], &image[at + 1..]),
        (Some(colon), None) => (&image[..colon], &image[colon + 1..], ""),
        (None, Some(at)) => (&image[..at], "", &image[at + 1..]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_taken_apart() {
        assert_eq!(split("a.b:5000/c"), ("a.b:5000/c", "", ""));
        assert_eq!(split("a.b:5000/c:1@sha256:d"), ("a.b:5000/c", "1", "sha256:d"));
        assert_eq!(split("c@sha256:d"), ("c", "", "sha256:d"));
        assert_eq!(split("c:1"), ("c", "1", ""));
    }

    #[test]
    fn a_name_is_a_whole_name() {
        let matches = |image: &str, name: &str| Matcher::new(name).matches(image);
        assert!(matches("nginx:1.2", "nginx"));
        assert!(!matches("my-nginx:1.2", "nginx"));
        assert!(!matches("nginx/x", "nginx"));
        assert!(matches("a-b/c@sha256:00", "a.b/c"));
        assert!(matches("foo", "fo+"));
        assert!(!matches("foo", "fo("));
    }
}
