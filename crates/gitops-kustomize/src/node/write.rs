//! What nodes mean in the end: kustomize prints a node as YAML 1.2, reads that back, and passes it through JSON.

use gitops_manifest::{Map as ValueMap, Number, Str, Value};

use super::{Map, Node, Scalar, Style, Tag};

mod folded;
pub(super) mod resolve;
mod through_json;

/// Why a node has no meaning in the output.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum MeaningError {
    /// A key twice.
    #[error("{path}: the key `{key}` stands twice: remove one of them")]
    DuplicateKey {
        /// The map, as `spec.template`.
        path: String,
        /// The key.
        key: String,
    },
    /// A key that is no string.
    #[error("{path}: the key `{key}` is not a string: quote it")]
    KeyNotString {
        /// The map.
        path: String,
        /// The key.
        key: String,
    },
    /// A text whose first line begins with a tab where it is printed as a block.
    #[error("{path}: the text begins with a tab, and a block of YAML cannot: write it in double quotes, or begin it otherwise")]
    LeadingTab {
        /// The field.
        path: String,
    },
    /// A scalar whose tag does not fit its text, or a number that JSON has not.
    #[error("{path}: `{text}` is not {wanted}: correct or quote it")]
    Scalar {
        /// The field.
        path: String,
        /// What is there.
        text: String,
        /// What it should be.
        wanted: &'static str,
    },
}

impl MeaningError {
    fn inside(mut self, step: &str) -> MeaningError {
        let (MeaningError::DuplicateKey { path, .. }
        | MeaningError::KeyNotString { path, .. }
        | MeaningError::LeadingTab { path }
        | MeaningError::Scalar { path, .. }) = &mut self;
        if path.is_empty() {
            path.push_str(step);
        } else if path.starts_with('[') {
            path.insert_str(0, step);
        } else {
            path.insert(0, '.');
            path.insert_str(0, step);
        }
        self
    }
}

impl Node {
    /// What the output holds for it.
    ///
    /// # Errors
    /// When the reference could not print it.
    pub(crate) fn to_value(&self) -> Result<Value, MeaningError> {
        self.clone().into_value()
    }

    /// As [`Node::to_value`], and the texts move.
    ///
    /// # Errors
    /// As [`Node::to_value`].
    pub(crate) fn into_value(self) -> Result<Value, MeaningError> {
        self.value(true)
    }

    fn value(self, root: bool) -> Result<Value, MeaningError> {
        match self {
            Node::Scalar(scalar) => scalar.into_value(),
            Node::List(list) => {
                let mut items = Vec::with_capacity(list.len());
                for (i, item) in list.into_iter().enumerate() {
                    items.push(item.value(false).map_err(|e| e.inside(&format!("[{i}]")))?);
                }
                Ok(Value::List(items))
            }
            Node::Map(map) => map_value(map, root).map(Value::Map),
        }
    }

    /// As a map decoded from JSON becomes a node in the reference: every scalar with its tag, strings plain or quoted as
    /// they must be.
    pub(crate) fn from_value(value: Value) -> Node {
        match value {
            Value::Null => Node::null(),
            Value::Bool(b) => Node::Scalar(Scalar::new(if b { "true" } else { "false" }, Tag::Bool, Style::Plain)),
            Value::Number(number) => Node::Scalar(number_scalar(number)),
            Value::String(text) => Node::Scalar(string_scalar(text)),
            Value::List(list) => Node::List(list.into_iter().map(Node::from_value).collect()),
            Value::Map(map) => {
                Node::Map(Map::from_entries(map.into_iter().map(|(k, v)| (string_scalar(k), Node::from_value(v))).collect()))
            }
        }
    }
}

fn map_value(map: Map, root: bool) -> Result<ValueMap, MeaningError> {
    let mut entries = Vec::with_capacity(map.len());
    for (key, node) in map.into_entries() {
        if !key.is_string() {
            if !root {
                return Err(MeaningError::KeyNotString { path: String::new(), key: key.text.to_string() });
            }
            // At the root the reference takes any key by its text, and drops a null one.
            if key.is_null() || (key.tag == Tag::Unset && resolve::tag_of(&key.text) == Tag::Null) {
                continue;
            }
        }
        let value = node.value(false).map_err(|e| e.inside(&key.text))?;
        entries.push((key.text, value));
    }
    entries.sort_by(|a, b| a.0.cmp(&b.0));
    if let Some(twice) = entries.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        return Err(MeaningError::DuplicateKey { path: String::new(), key: twice[0].0.to_string() });
    }
    Ok(ValueMap::from_entries(entries))
}

/// Every number of JSON is a float in the reference, and is printed in its shortest form: a million is `1e+06`.
fn number_scalar(number: Number) -> Scalar {
    let text = resolve::go_float(number.as_f64());
    let tag = resolve::tag_of(&text);
    Scalar::new(text, tag, Style::Plain)
}

/// As go-yaml v3 prints a string and reads it again: quoted where the plain form would be something else.
fn string_scalar(text: Str) -> Scalar {
    let style = if text.contains('\n') {
        Style::Literal
    } else if resolve::tag_of(&text) != Tag::Str || resolve::is_old_bool(&text) || resolve::is_base60(&text) {
        Style::Double
    } else {
        Style::Plain
    };
    Scalar::new(text, Tag::Str, style)
}

/// Whether a text certainly comes through the reference's last step as it is.
fn is_simple(text: &str) -> bool {
    text.is_ascii() && !text.as_bytes().contains(&0x7f)
}

impl Tag {
    /// From the full text of a written tag.
    pub(super) fn from_long(tag: &str) -> Tag {
        match tag.strip_prefix("tag:yaml.org,2002:") {
            Some("str") => Tag::Str,
            Some("int") => Tag::Int,
            Some("float") => Tag::Float,
            Some("bool") => Tag::Bool,
            Some("null") => Tag::Null,
            Some("timestamp") => Tag::Timestamp,
            Some("binary") => Tag::Binary,
            Some("merge") => Tag::Merge,
            _ => Tag::Other,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Tag::Int => "a whole number",
            Tag::Float => "a number",
            Tag::Bool => "a boolean",
            Tag::Null => "null",
            Tag::Timestamp => "a timestamp",
            Tag::Binary => "base64",
            Tag::Unset | Tag::Str | Tag::Merge | Tag::Other => "a text without control characters",
        }
    }
}

impl Scalar {
    /// Whether it is a string where it stands as a key.
    fn is_string(&self) -> bool {
        match self.tag {
            Tag::Str | Tag::Merge => true,
            Tag::Unset => self.style != Style::Plain || matches!(resolve::tag_of(&self.text), Tag::Str | Tag::Merge),
            tag => self.style != Style::Plain && tag == resolve::tag_of(&self.text),
        }
    }

    /// What the output holds for it.
    fn into_value(self) -> Result<Value, MeaningError> {
        if self.text.starts_with('\t') && self.is_printed_as_block() {
            return Err(MeaningError::LeadingTab { path: String::new() });
        }
        if matches!(self.tag, Tag::Str | Tag::Other | Tag::Merge) && self.style != Style::Folded && is_simple(&self.text) {
            return Ok(Value::String(self.text));
        }
        let value = self.meaning()?;
        match &value {
            Value::String(text) if !is_simple(text) => {
                through_json::read_back(text).map(|text| text.map_or(value, Value::from)).ok_or_else(|| self.wrong(Tag::Str))
            }
            _ => Ok(value),
        }
    }

    /// Whether the reference prints it as `|` or `>`, before it reads that again.
    fn is_printed_as_block(&self) -> bool {
        let wanted = match self.style {
            Style::Literal | Style::Folded => true,
            Style::Plain => self.text.contains('\n'),
            Style::Single | Style::Double => false,
        };
        wanted && folded::fits_block(&self.text)
    }

    fn meaning(&self) -> Result<Value, MeaningError> {
        let quoted = self.style != Style::Plain;
        if self.style == Style::Folded
            && matches!(self.tag, Tag::Str | Tag::Unset)
            && let Some(changed) = folded::read_back(&self.text)
        {
            return Ok(changed.into());
        }
        let tag = match self.tag {
            Tag::Str | Tag::Other | Tag::Merge => return Ok(Value::String(self.text.clone())),
            Tag::Binary => return resolve::binary(&self.text).ok_or_else(|| self.wrong(Tag::Binary)),
            Tag::Unset if quoted => return Ok(Value::String(self.text.clone())),
            tag => tag,
        };
        let (found, value) = resolve::plain(&self.text);
        if tag == Tag::Unset || tag == found {
            // A quoted scalar whose tag the text agrees with is printed without the tag, and is a string then.
            return match value {
                _ if quoted => Ok(Value::String(self.text.clone())),
                Some(value) => self.finite(value),
                None => Ok(Value::String(self.text.clone())),
            };
        }
        match (tag, value) {
            (Tag::Float, Some(Value::Number(Number::Int(n)))) => Ok(Value::from(n as f64)),
            _ => Err(self.wrong(tag)),
        }
    }

    fn finite(&self, value: Value) -> Result<Value, MeaningError> {
        match value {
            Value::Number(Number::Float(n)) if !n.is_finite() => Err(self.wrong(Tag::Float)),
            value => Ok(value),
        }
    }

    fn wrong(&self, tag: Tag) -> MeaningError {
        MeaningError::Scalar { path: String::new(), text: self.text.to_string(), wanted: tag.words() }
    }

    /// Whether YAML 1.1 would read its text, written plain, as something other than a string.
    pub(crate) fn is_yaml11_non_string(&self) -> bool {
        resolve::is_yaml11_non_string(&self.text)
    }

    /// kyaml's `FieldSetter`: a string or untagged scalar that YAML 1.1 would not read as a string gets double quotes.
    pub(crate) fn quote_if_doubtful(&mut self) {
        if matches!(self.tag, Tag::Str | Tag::Unset) && self.style == Style::Plain && self.is_yaml11_non_string() {
            self.style = Style::Double;
        }
    }
}
