//! Paths to fields: `spec.containers.[name=web].image`, `list.0`, `list.*`, `annotations.[a.b/c]`, `data.config\.json`.

use gitops_manifest::Str;
use regex::Regex;

use super::ReplacementError;
use crate::node::{Map, Node, Style};
use crate::selector;

/// Most steps of a path.
const MOST_STEPS: usize = 1_000;

/// A path, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FieldPath {
    text: String,
    steps: Vec<String>,
}

/// What kind of node is made at the end of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Scalar,
    List,
    Map,
}

impl Kind {
    pub(super) fn of(node: &Node) -> Kind {
        match node {
            Node::Scalar(_) => Kind::Scalar,
            Node::List(_) => Kind::List,
            Node::Map(_) => Kind::Map,
        }
    }

    fn empty(self) -> Node {
        match self {
            Kind::Scalar => Node::untagged(""),
            Kind::List => Node::List(Vec::new()),
            Kind::Map => Node::Map(Map::new()),
        }
    }

    /// What must stand before `rest` of a path.
    fn before(rest: &[String], last: Kind) -> Kind {
        match rest.first().map(String::as_str) {
            None | Some("") => last,
            Some(step) if is_condition(step) || index(step).is_some() => Kind::List,
            Some(_) => Kind::Map,
        }
    }
}

impl FieldPath {
    /// Cuts at dots: not behind a backslash, and not between brackets.
    pub(super) fn parse(text: &str) -> Result<FieldPath, ReplacementError> {
        let steps = bracketed(unescaped(text));
        if steps.len() > MOST_STEPS {
            let message = format!("longer than {MOST_STEPS} steps");
            return Err(ReplacementError::Path { path: text.chars().take(60).collect(), message });
        }
        Ok(FieldPath { text: text.to_owned(), steps })
    }

    /// As written.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The steps.
    pub(super) fn steps(&self) -> &[String] {
        &self.steps
    }

    /// The beginning of the path.
    pub(super) fn first(&self, steps: usize) -> FieldPath {
        FieldPath { text: self.text.clone(), steps: self.steps[..steps].to_vec() }
    }

    /// The rest of the path.
    pub(super) fn rest(&self, steps: usize) -> FieldPath {
        FieldPath { text: self.text.clone(), steps: self.steps[steps..].to_vec() }
    }

    fn fault(&self, message: impl Into<String>) -> ReplacementError {
        ReplacementError::Path { path: self.text.clone(), message: message.into() }
    }

    /// The one field, as a source is looked up: conditions compare whole texts, there is no `*`, `-` is the last element.
    pub(super) fn look_up<'n>(&self, node: &'n Node) -> Result<Option<&'n Node>, ReplacementError> {
        let mut node = node;
        for step in self.steps.iter().map(|step| step.trim()).filter(|step| !step.is_empty()) {
            let next = match go_number(step) {
                Some(number) if number < 0 => return Err(self.fault(format!("there is no place {number}"))),
                Some(number) => self.list(node)?.get(usize::try_from(number).unwrap_or(usize::MAX)),
                None if step == "-" => Some(self.list(node)?.last().ok_or_else(|| self.fault("the list has no last element"))?),
                None if step == "*" => return Err(self.fault("`*` cannot be used here")),
                None if is_condition(step) => {
                    let (key, value) = self.condition(step)?;
                    let fits = |element: &&Node| match key {
                        "" => element.text() == value,
                        key => element.as_map().is_some_and(|map| map.iter().any(|(k, v)| k == key && v.text() == value)),
                    };
                    self.list(node)?.iter().find(fits)
                }
                None => match node {
                    Node::Map(map) => map.get(step),
                    node if node.is_null() => None,
                    _ => return Err(self.fault(format!("`{step}` is looked for in what is no map"))),
                },
            };
            let Some(next) = next else { return Ok(None) };
            node = next;
        }
        Ok(Some(node))
    }

    fn list<'n>(&self, node: &'n Node) -> Result<&'n [Node], ReplacementError> {
        match node {
            Node::List(list) => Ok(list),
            node if node.is_null() => Ok(&[]),
            _ => Err(self.fault("an element is looked for in what is no list")),
        }
    }

    fn condition<'s>(&self, step: &'s str) -> Result<(&'s str, &'s str), ReplacementError> {
        let inside = step.strip_prefix('[').and_then(|step| step.strip_suffix(']')).unwrap_or(step);
        inside.split_once('=').ok_or_else(|| self.fault(format!("`{step}` must have the form `[field=value]`")))
    }

    /// Calls `change` for every field the path leads to, and says for how many. Conditions are regular expressions that
    /// fit anywhere in the text. With `create`, what is missing is made.
    pub(super) fn visit(
        &self,
        node: &mut Node,
        create: Option<Kind>,
        change: &mut dyn FnMut(&mut Node) -> Result<(), ReplacementError>,
    ) -> Result<usize, ReplacementError> {
        self.walk(node, &self.steps, create, change)
    }

    fn walk(
        &self,
        node: &mut Node,
        steps: &[String],
        create: Option<Kind>,
        change: &mut dyn FnMut(&mut Node) -> Result<(), ReplacementError>,
    ) -> Result<usize, ReplacementError> {
        let Some((step, rest)) = steps.split_first() else {
            change(node)?;
            return Ok(1);
        };
        if let Some(at) = index(step) {
            return self.element(node, at, rest, create, change);
        }
        if is_condition(step) {
            return self.matching(node, step, rest, create, change);
        }
        if step == "*" {
            let elements = self.list_mut(node)?;
            return elements.iter_mut().try_fold(0, |count, element| Ok(count + self.walk(element, rest, create, change)?));
        }
        let map = match node {
            Node::Map(map) => map,
            node if node.is_null() && create.is_none() => return Ok(0),
            _ => return Err(self.fault(format!("`{step}` is looked for in what is no map"))),
        };
        if !map.contains_key(step) {
            let Some(last) = create else { return Ok(0) };
            map.set_field(step, Kind::before(rest, last).empty());
        }
        match map.get_mut(step) {
            None => Ok(0),
            // What a scalar holds as YAML is looked into, but not changed: that is done elsewhere, or not at all.
            Some(Node::Scalar(scalar)) if !rest.is_empty() => {
                let documents = crate::node::read_documents(scalar.text.as_bytes(), "").map_err(|error| self.fault(error.to_string()))?;
                let Some(mut inside) = documents.into_iter().next().map(|document| document.node) else { return Ok(0) };
                self.walk(&mut inside, rest, create, &mut |_| Ok(()))
            }
            Some(field) => self.walk(field, rest, create, change),
        }
    }

    fn list_mut<'n>(&self, node: &'n mut Node) -> Result<&'n mut [Node], ReplacementError> {
        match node {
            Node::List(list) => Ok(list),
            node if node.is_null() => Ok(&mut []),
            _ => Err(self.fault("an element is looked for in what is no list")),
        }
    }

    fn element(
        &self,
        node: &mut Node,
        at: usize,
        rest: &[String],
        create: Option<Kind>,
        change: &mut dyn FnMut(&mut Node) -> Result<(), ReplacementError>,
    ) -> Result<usize, ReplacementError> {
        let length = self.list_mut(node)?.len();
        if let (Some(last), Node::List(list), true) = (create, &mut *node, at == length) {
            list.push(Kind::before(rest, last).empty());
        }
        match self.list_mut(node)?.get_mut(at) {
            Some(element) => self.walk(element, rest, create, change),
            None => Err(self.fault(format!("there is no element {at}, only {length}"))),
        }
    }

    fn matching(
        &self,
        node: &mut Node,
        step: &str,
        rest: &[String],
        create: Option<Kind>,
        change: &mut dyn FnMut(&mut Node) -> Result<(), ReplacementError>,
    ) -> Result<usize, ReplacementError> {
        let (key, value) = self.condition(step)?;
        let needle = Needle::new(value).map_err(|message| self.fault(format!("`{step}`: {message}")))?;
        let mut count = 0;
        for element in self.list_mut(node)? {
            let found = match key {
                "" => needle.is_in(&printed(element)),
                key => element.get(key).is_some_and(|value| needle.is_in(&printed(value))),
            };
            match (found, key) {
                (false, _) => {}
                // Behind a plain value the path ends, whatever else is written.
                (true, "") => {
                    change(element)?;
                    count += 1;
                }
                (true, _) => count += self.walk(element, rest, create, change)?,
            }
        }
        if let (Some(_), Node::List(list), 0) = (create, &mut *node, count) {
            let made = match key {
                "" => Node::untagged(value),
                key => {
                    let mut map = Map::new();
                    map.insert(key, Node::untagged(value));
                    Node::Map(map)
                }
            };
            if !needle.is_in(value) {
                return Err(self.fault(format!("`{step}`: an element made for it would not fit it")));
            }
            list.push(made);
            return match (list.last_mut(), key) {
                (Some(element), "") => change(element).map(|()| 1),
                (Some(element), _) => self.walk(element, rest, create, change),
                (None, _) => Ok(0),
            };
        }
        Ok(count)
    }
}

/// What a condition compares: the scalar as it would be written.
fn printed(node: &Node) -> Str {
    match node {
        Node::Scalar(scalar) => match scalar.style {
            Style::Double => format!("\"{}\"", scalar.text).into(),
            Style::Single => format!("'{}'", scalar.text).into(),
            _ => scalar.text.as_str().trim().into(),
        },
        _ => Str::default(),
    }
}

/// A regular expression that fits anywhere, or plain text.
enum Needle {
    Text(String),
    Regex(Regex),
}

impl Needle {
    fn new(text: &str) -> Result<Needle, String> {
        if text.contains(['\\', '.', '+', '*', '?', '(', ')', '[', ']', '{', '}', '^', '$', '|']) {
            return selector::go_regex(text).map(Needle::Regex);
        }
        Ok(Needle::Text(text.to_owned()))
    }

    fn is_in(&self, text: &str) -> bool {
        match self {
            Needle::Text(needle) => text.contains(needle),
            Needle::Regex(regex) => regex.is_match(text),
        }
    }
}

fn is_condition(step: &str) -> bool {
    step.len() > 1 && step.starts_with('[') && step.ends_with(']')
}

/// A whole number, as Go reads one.
fn go_number(step: &str) -> Option<i64> {
    step.parse().ok()
}

fn index(step: &str) -> Option<usize> {
    go_number(step).and_then(|number| usize::try_from(number).ok())
}

fn unescaped(text: &str) -> Vec<String> {
    let mut steps: Vec<String> = Vec::new();
    for piece in text.split('.') {
        match steps.last_mut() {
            Some(last) if last.ends_with('\\') => {
                last.pop();
                last.push('.');
                last.push_str(piece);
            }
            _ => steps.push(piece.to_owned()),
        }
    }
    steps
}

fn bracketed(pieces: Vec<String>) -> Vec<String> {
    let mut steps = Vec::new();
    let mut pieces = pieces.into_iter();
    while let Some(mut step) = pieces.next() {
        if step.starts_with('[') && !step.ends_with(']') {
            for piece in pieces.by_ref() {
                step.push('.');
                step.push_str(&piece);
                if piece.ends_with(']') {
                    break;
                }
            }
            if !step.contains('=') {
                step = step.trim_matches(['[', ']']).to_owned();
            }
        }
        steps.push(step);
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps() {
        for (text, steps) in [
            ("a.b", &["a", "b"][..]),
            (r"data.config\.json.x", &["data", "config.json", "x"]),
            ("a.[name=x.y/z].b", &["a", "[name=x.y/z]", "b"]),
            ("a.[b.c/d]", &["a", "b.c/d"]),
            ("a.[b]", &["a", "[b]"]),
            ("a.0.*", &["a", "0", "*"]),
            ("a.[b.c", &["a", "b.c"]),
        ] {
            assert_eq!(FieldPath::parse(text).expect(text).steps, steps, "{text}");
        }
    }
}
