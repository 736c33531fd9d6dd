//! YAML, changed in place: lines, order and comments stay, so that errors behind it still name the right line.

use gitops_manifest::yaml::{self, Node, NodeKind, ParseOptions, ScalarStyle, Schema};
use gitops_manifest::{Number, Value};

use super::{Format, Loaded, replaced, take_metadata};
use crate::cipher::{DataKey, PREFIX};
use crate::comment;
use crate::decrypt::additional;
use crate::item::{Entry, Item, Leaf, Scalar};

pub(super) fn load(text: &str) -> Result<Loaded<'_>, String> {
    let options = ParseOptions { schema: Schema::GoYaml3, ..ParseOptions::default() };
    // The parser's own message may quote what stands there.
    let nodes = yaml::parse_nodes(text.as_bytes(), "", &options).map_err(|e| format!("line {} is not YAML", e.at.line))?;
    let places = Places::new(text);
    let (mut documents, mut metadata, mut cuts) = (Vec::new(), None, Vec::new());
    for (i, node) in nodes.iter().enumerate() {
        let Item::Map(mut document) = places.item(node)? else {
            if matches!(&node.kind, NodeKind::Scalar(..)) && i > 0 {
                continue;
            }
            return Err(format!("line {}: a document is no map", node.line));
        };
        cuts.extend(places.cut(node, nodes.get(i + 1))?);
        let found = take_metadata(&mut document);
        // Each document has it; the first one's counts.
        metadata = metadata.or(found);
        documents.push(document);
    }
    let metadata = metadata.ok_or("it has no `sops`")?;
    Ok(Loaded { format: Format::Yaml, text, documents, metadata, cuts })
}

/// Where lines begin.
struct Places<'a> {
    text: &'a str,
    lines: Vec<usize>,
}

impl<'a> Places<'a> {
    fn new(text: &'a str) -> Places<'a> {
        let mut lines = vec![0];
        lines.extend(text.match_indices('\n').map(|(i, _)| i + 1));
        Places { text, lines }
    }

    fn offset(&self, node: &Node) -> usize {
        let line = self.lines.get(node.line.saturating_sub(1)).copied().unwrap_or(self.text.len());
        let rest = &self.text[line..];
        line + rest.char_indices().nth(node.column.saturating_sub(1)).map_or(rest.len(), |(i, _)| i)
    }

    fn item(&self, node: &Node) -> Result<Item, String> {
        Ok(match &node.kind {
            NodeKind::Alias(_) => return Err(format!("line {}: there is an alias, which SOPS does not write", node.line)),
            NodeKind::List(items, _) => Item::List(items.iter().map(|n| self.item(n)).collect::<Result<_, _>>()?),
            NodeKind::Map(written, _) => {
                let mut entries = Vec::with_capacity(written.len());
                for (key, value) in written {
                    let NodeKind::Scalar(name, _) = &key.kind else {
                        return Err(format!("line {}: a key is no text", key.line));
                    };
                    entries.push(Entry { key: Some(name.clone()), value: self.item(value)? });
                }
                let mut names: Vec<&Option<String>> = entries.iter().map(|e| &e.key).collect();
                names.sort_unstable();
                if names.windows(2).any(|pair| pair[0] == pair[1]) {
                    return Err(format!("line {}: a key stands twice", node.line));
                }
                Item::Map(entries)
            }
            NodeKind::Scalar(text, style) => Item::Leaf(Leaf {
                value: scalar(text, *style, node.tag.as_deref()),
                span: self.span(node, text, *style),
                opened: false,
                line: node.line,
            }),
        })
    }

    /// Where an encrypted value stands; nothing for what cannot be one.
    fn span(&self, node: &Node, text: &str, style: ScalarStyle) -> std::ops::Range<usize> {
        let start = self.offset(node);
        let rest = &self.text[start..];
        let quotes = match style {
            ScalarStyle::Plain => 0,
            ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => 1,
            ScalarStyle::Literal | ScalarStyle::Folded => return start..start,
        };
        // A tag may stand before it.
        match rest.find(PREFIX) {
            Some(at) if text.starts_with(PREFIX) && rest[at..].starts_with(text) && at >= quotes => {
                start + at - quotes..start + at + text.len() + quotes
            }
            _ => start..start,
        }
    }

    /// The part of the text that is the metadata of a document.
    fn cut(&self, node: &Node, next: Option<&Node>) -> Result<Option<std::ops::Range<usize>>, String> {
        let NodeKind::Map(entries, flow) = &node.kind else { return Ok(None) };
        let is_metadata = |(key, _): &&(Node, Node)| matches!(&key.kind, NodeKind::Scalar(name, _) if name == "sops");
        let Some(at) = entries.iter().position(|e| is_metadata(&e)) else { return Ok(None) };
        let start = self.offset(&entries[at].0);
        if *flow {
            return Err(format!("line {}: it is JSON in a file named as YAML: name it .json", node.line));
        }
        let limit = next.map_or(self.text.len(), |n| self.offset(n));
        let end = match entries.get(at + 1) {
            Some((key, _)) => self.offset(key),
            // The document ends with a mark, or with the text.
            None => self.lines.iter().copied().find(|l| *l > start && *l < limit && self.is_mark(*l)).unwrap_or(limit),
        };
        Ok(Some(start..end))
    }

    fn is_mark(&self, line: usize) -> bool {
        let text = &self.text[line..];
        ["---", "..."].iter().any(|mark| text.strip_prefix(mark).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\n', '\r'])))
    }
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&str>) -> Scalar {
    let is_text = style != ScalarStyle::Plain || tag.is_some_and(|t| t.ends_with(":str"));
    if is_text {
        return Scalar::Text(text.as_bytes().to_vec());
    }
    match yaml::resolve_plain(text, Schema::GoYaml3) {
        Some(Value::Null) => Scalar::Null,
        Some(Value::Bool(b)) => Scalar::Bool(b),
        Some(Value::Number(Number::Float(f))) => Scalar::Float(f),
        Some(Value::Number(n)) => n.as_i64().map_or(Scalar::Float(n.as_f64()), Scalar::Int),
        _ => time(text).map_or_else(|| Scalar::Text(text.as_bytes().to_vec()), Scalar::Time),
    }
}

/// A plain scalar that go-yaml reads as a time, as Go prints it: the MAC is made of that. Only dates and the common form
/// with `T` are known here; others keep their text.
fn time(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let digits = |range: std::ops::Range<usize>| bytes.get(range).is_some_and(|d| d.iter().all(u8::is_ascii_digit));
    let date = digits(0..4) && bytes.get(4) == Some(&b'-') && digits(5..7) && bytes.get(7) == Some(&b'-') && digits(8..10);
    match bytes.get(10) {
        None if date => Some(format!("{text}T00:00:00Z")),
        Some(b'T' | b't') if date && digits(11..13) && digits(14..16) && digits(17..19) => {
            let (moment, rest) = text.split_at(19);
            let fraction = rest.bytes().take_while(|b| *b == b'.' || b.is_ascii_digit()).count();
            let (fraction, zone) = rest.split_at(fraction);
            let fraction = if fraction.is_empty() { "" } else { fraction.trim_end_matches('0').trim_end_matches('.') };
            let zone = if matches!(zone, "+00:00" | "-00:00") { "Z" } else { zone };
            (!zone.is_empty()).then(|| format!("{}{fraction}{zone}", moment.replace('t', "T")))
        }
        _ => None,
    }
}

pub(super) fn print(loaded: &Loaded<'_>, key: &DataKey) -> Result<Vec<u8>, String> {
    let mut edits: Vec<_> = loaded.cuts.iter().map(|cut| (cut.clone(), String::new())).collect();
    let mut paths = vec![additional(&[])];
    for document in &loaded.documents {
        gather(document, &mut Vec::new(), &mut edits, &mut paths)?;
    }
    paths.sort_unstable();
    paths.dedup();
    let mut taken: Vec<_> = edits.iter().map(|(range, _)| range.clone()).collect();
    taken.sort_by_key(|range| range.start);
    let is_taken = |at: usize| {
        let before = taken.partition_point(|range| range.start <= at);
        before > 0 && taken[before - 1].contains(&at)
    };
    edits.extend(comment::opened(loaded.text, &paths, key, &is_taken));
    Ok(replaced(loaded.text, edits))
}

type Edits = Vec<(std::ops::Range<usize>, String)>;

fn gather(entries: &[Entry], path: &mut Vec<String>, edits: &mut Edits, paths: &mut Vec<String>) -> Result<(), String> {
    for entry in entries {
        path.extend(entry.key.clone());
        gather_item(&entry.value, path, edits, paths)?;
        path.pop();
    }
    Ok(())
}

fn gather_item(item: &Item, path: &mut Vec<String>, edits: &mut Edits, paths: &mut Vec<String>) -> Result<(), String> {
    match item {
        Item::Map(entries) => {
            paths.push(additional(path));
            gather(entries, path, edits, paths)
        }
        Item::List(items) => {
            paths.push(additional(path));
            items.iter().try_for_each(|item| gather_item(item, path, edits, paths))
        }
        Item::Leaf(leaf) if leaf.opened => {
            if leaf.span.is_empty() {
                return Err(format!("line {}: `{}` is written as a block, which SOPS does not do", leaf.line, path.join(".")));
            }
            edits.push((leaf.span.clone(), written(&leaf.value)?));
            Ok(())
        }
        Item::Leaf(_) => Ok(()),
    }
}

/// A decrypted value, on one line.
fn written(value: &Scalar) -> Result<String, String> {
    Ok(match value {
        Scalar::Null => "null".to_owned(),
        Scalar::Bool(b) => b.to_string(),
        Scalar::Int(i) => i.to_string(),
        // As go-yaml writes them: a float that looks like an int has no dot there either.
        Scalar::Float(f) if f.is_nan() => ".nan".to_owned(),
        Scalar::Float(f) if f.is_infinite() => (if *f > 0.0 { ".inf" } else { "-.inf" }).to_owned(),
        Scalar::Float(f) => f.to_string(),
        Scalar::Time(text) => text.clone(),
        text => quoted(text.text().ok_or("a value is no text, which YAML cannot hold")?),
    })
}

fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            // What is not printable, or would count as a line end.
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}') => match u32::from(c) {
                code @ 0..=0xff => out.push_str(&format!("\\x{code:02x}")),
                code => out.push_str(&format!("\\u{code:04x}")),
            },
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
