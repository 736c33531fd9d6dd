//! Reads resource files into nodes, as kyaml's byte reader does: documents are cut at `---` lines first, aliases are
//! written out, merge keys are merged (what is written wins), and the items of a single `List` are documents.

use std::collections::HashMap;

use gitops_manifest::yaml::event::{Properties, Scalar as Written, Sink, Step, refuse};
use gitops_manifest::yaml::{self, ParseError, ParseOptions, ScalarStyle, Schema};
use gitops_manifest::{Location, Str};

use super::write::resolve;
use super::{Map, Node, Scalar, Style, Tag};

/// A document that is not empty.
#[derive(Debug)]
pub(crate) struct Document {
    /// Its content, aliases and merge keys written out.
    pub(crate) node: Node,
    /// The line it begins at, from 1.
    pub(crate) line: usize,
}

/// Deepest nesting of maps and lists.
const DEEPEST: usize = 200;

/// Most nodes that aliases may add to a file.
const MOST_ALIASED: usize = 1_000_000;

/// Reads all documents of a file. Null documents are left out.
///
/// # Errors
/// On what is not YAML, and on a `---` line with text behind it.
pub(crate) fn read_documents(text: &[u8], file: &str) -> Result<Vec<Document>, ParseError> {
    let mut documents = Vec::new();
    let unix: Vec<u8>;
    let text = if memchr::memmem::find(text, b"\r\n").is_some() {
        unix = replace_line_ends(text);
        &unix
    } else {
        text
    };
    let options = ParseOptions { schema: Schema::GoYaml3, max_depth: DEEPEST, ..ParseOptions::default() };
    let pieces = split(text, file)?;
    let single = pieces.len() == 1;
    for Piece { text, line } in pieces {
        let builder = yaml::read(text, file, &options, Builder::default).map_err(|mut error| {
            error.at.line += line;
            error
        })?;
        // Of what is cut here only the first document counts, as in the reference.
        let Some(node) = builder.documents.into_iter().next().filter(|node| !node.is_null()) else { continue };
        let line = line + first_line(text);
        match node {
            Node::Map(map) if single && is_list(&map) => items(map, line, &mut documents),
            node => documents.push(Document { node, line }),
        }
    }
    Ok(documents)
}

fn replace_line_ends(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut from = 0;
    for at in memchr::memmem::find_iter(text, b"\r\n") {
        out.extend_from_slice(&text[from..at]);
        from = at + 1;
    }
    out.extend_from_slice(&text[from..]);
    out
}

struct Piece<'t> {
    text: &'t [u8],
    /// Lines before it.
    line: usize,
}

/// Cuts at lines that begin with `---` and are neither the first line nor an unfinished last one.
fn split<'t>(text: &'t [u8], file: &str) -> Result<Vec<Piece<'t>>, ParseError> {
    let mut pieces = Vec::new();
    let (mut from, mut lines, mut search) = (0, 0, 0);
    while let Some(n) = memchr::memmem::find(&text[search..], b"\n---") {
        let at = search + n;
        let Some(end) = memchr::memchr(b'\n', &text[at + 1..]).map(|n| at + 1 + n) else { break };
        let rest = text[at + 4..end].trim_ascii();
        let next_line = lines + memchr::memchr_iter(b'\n', &text[from..=end]).count();
        if !rest.is_empty() && rest[0] != b'#' {
            let message = "a line `---` has text behind it: move it to the next line".to_owned();
            return Err(ParseError::new(Location { file: file.to_owned(), line: next_line, column: 1 }, message));
        }
        // With the line end before the separator, which a block scalar may need.
        pieces.push(Piece { text: &text[from..=at], line: lines });
        (from, lines, search) = (end + 1, next_line, end + 1);
    }
    pieces.push(Piece { text: &text[from..], line: lines });
    Ok(pieces)
}

/// The line of the first content, from 1: comments, blank lines and `---` are none.
fn first_line(text: &[u8]) -> usize {
    let blank = |line: &&[u8]| {
        let line = line.trim_ascii();
        line.is_empty() || line[0] == b'#' || line.starts_with(b"---")
    };
    1 + text.split(|&b| b == b'\n').take_while(blank).count()
}

fn is_list(map: &Map) -> bool {
    map.get("kind").is_some_and(|kind| matches!(kind.text(), "List" | "ResourceList"))
        && (map.contains_key("items") || map.contains_key("functionConfig"))
}

fn items(map: Map, line: usize, documents: &mut Vec<Document>) {
    let items = map.into_entries().into_iter().find(|(key, _)| key.text == "items").map(|(_, value)| value);
    match items {
        Some(Node::List(list)) => documents.extend(list.into_iter().map(|node| Document { node, line })),
        // kyaml takes whatever is in there for items, so the keys and values of a map too.
        Some(Node::Map(map)) => {
            for (key, value) in map.into_entries() {
                documents.push(Document { node: Node::Scalar(key), line });
                documents.push(Document { node: value, line });
            }
        }
        _ => {}
    }
}

struct Frame {
    map: bool,
    /// It, or one around it, is in flow style.
    flow: bool,
    /// Where its entries or items begin on their stack.
    start: usize,
    anchor: usize,
    merges: bool,
}

/// Builds nodes. Entries and items of all open collections are on two stacks, so that every vector is made once and in
/// its final size.
#[derive(Default)]
struct Builder {
    frames: Vec<Frame>,
    entries: Vec<(Scalar, Node)>,
    items: Vec<Node>,
    root: Option<Node>,
    anchors: HashMap<usize, (Node, usize)>,
    aliased: usize,
    documents: Vec<Node>,
}

impl Builder {
    #[inline]
    fn add(&mut self, node: Node) {
        match self.frames.last() {
            Some(frame) if frame.map => {
                if let Some((_, value)) = self.entries.last_mut() {
                    *value = node;
                }
            }
            Some(_) => self.items.push(node),
            None => self.root = Some(node),
        }
    }

    fn open(&mut self, at: usize, map: bool, properties: &Properties) -> Step {
        if self.frames.len() >= DEEPEST {
            return refuse(at, format!("nested deeper than {DEEPEST} levels: flatten it"));
        }
        let start = if map { self.entries.len() } else { self.items.len() };
        let flow = properties.flow || self.frames.last().is_some_and(|frame| frame.flow);
        self.frames.push(Frame { map, flow, start, anchor: properties.anchor, merges: false });
        Ok(())
    }

    fn close(&mut self, node: Node, anchor: usize) -> Step {
        if anchor != 0 {
            let weight = weight(&node);
            self.charge(0, weight)?;
            self.anchors.insert(anchor, (node.clone(), weight));
        }
        self.add(node);
        Ok(())
    }

    fn charge(&mut self, at: usize, weight: usize) -> Step {
        self.aliased = self.aliased.saturating_add(weight);
        if self.aliased > MOST_ALIASED {
            return refuse(at, format!("anchors and aliases expand to more than {MOST_ALIASED} values: write the values out"));
        }
        Ok(())
    }
}

impl Sink for Builder {
    fn document_start(&mut self, _: usize) -> Step {
        self.root = None;
        self.anchors.clear();
        Ok(())
    }

    fn document_end(&mut self, empty: bool) -> Step {
        if let (Some(node), false) = (self.root.take(), empty) {
            self.documents.push(node);
        }
        Ok(())
    }

    fn map_start(&mut self, at: usize, properties: Properties) -> Step {
        self.open(at, true, &properties)
    }

    fn map_end(&mut self) -> Step {
        let Some(frame) = self.frames.pop() else { return Ok(()) };
        let entries: Vec<_> = self.entries.drain(frame.start..).collect();
        let map = if frame.merges { merge(entries)? } else { Map::from_entries(entries) };
        self.close(Node::Map(map), frame.anchor)
    }

    fn list_start(&mut self, at: usize, properties: Properties) -> Step {
        self.open(at, false, &properties)
    }

    fn list_end(&mut self) -> Step {
        let Some(frame) = self.frames.pop() else { return Ok(()) };
        let list = self.items.drain(frame.start..).collect();
        self.close(Node::List(list), frame.anchor)
    }

    #[inline]
    fn key(&mut self, at: usize, key: Written<'_>) -> Step {
        let key = scalar(key).or_else(|message| refuse(at, message))?;
        if key.tag == Tag::Merge
            && let Some(frame) = self.frames.last_mut()
        {
            frame.merges = true;
        }
        self.entries.push((key, Node::null()));
        Ok(())
    }

    #[inline]
    fn scalar(&mut self, at: usize, anchor: usize, written: Written<'_>) -> Step {
        let mut scalar = scalar(written).or_else(|message| refuse(at, message))?;
        if self.frames.last().is_some_and(|frame| frame.flow) {
            quote_as_printed(&mut scalar);
        }
        let node = Node::Scalar(scalar);
        if anchor == 0 {
            self.add(node);
            return Ok(());
        }
        self.close(node, anchor)
    }

    fn alias(&mut self, at: usize, anchor: usize) -> Step {
        let Some((node, weight)) = self.anchors.get(&anchor) else {
            return refuse(at, "an alias stands inside the value that it names: write the value out");
        };
        let (node, weight) = (node.clone(), *weight);
        self.charge(at, weight)?;
        self.add(node);
        Ok(())
    }
}

fn weight(node: &Node) -> usize {
    match node {
        Node::Scalar(scalar) => 1 + scalar.text.len() / 256,
        Node::List(list) => 1 + list.iter().map(weight).sum::<usize>(),
        Node::Map(map) => 1 + map.entries().iter().map(|(key, value)| key.text.len() / 256 + weight(value)).sum::<usize>(),
    }
}

/// In a flow collection the reference's printer writes `''` for nothing, and puts quotes around what has a colon: null or
/// a moment until then, a string in the output.
fn quote_as_printed(scalar: &mut Scalar) {
    let nothing = scalar.tag == Tag::Null && scalar.text.is_empty();
    let colon = scalar.tag == Tag::Timestamp && scalar.style == Style::Plain && scalar.text.contains(':');
    if nothing || colon {
        scalar.style = Style::Single;
    }
}

/// A scalar as go-yaml v3's parser leaves it.
#[inline]
fn scalar(written: Written<'_>) -> Result<Scalar, String> {
    let style = match written.style {
        ScalarStyle::Plain => Style::Plain,
        ScalarStyle::SingleQuoted => Style::Single,
        ScalarStyle::DoubleQuoted => Style::Double,
        ScalarStyle::Literal => Style::Literal,
        ScalarStyle::Folded => Style::Folded,
    };
    let tag = match written.tag.as_deref() {
        None | Some("!") if style != Style::Plain => Tag::Str,
        None | Some("!") => resolve::tag_of(&written.text),
        Some(tag) => Tag::from_long(tag),
    };
    // A tag that was written stays written, and says more than quotes do.
    let is_written = written.tag.as_deref().is_some_and(|tag| tag != "!");
    let style = if is_written && tag != Tag::Str { Style::Plain } else { style };
    let text = match written.text {
        std::borrow::Cow::Borrowed(text) => Str::from(text),
        std::borrow::Cow::Owned(text) => Str::from(text),
    };
    Ok(Scalar::new(text, tag, style))
}

/// Merges what `<<` names: what is written wins over it, and of several maps the earlier one wins.
fn merge(entries: Vec<(Scalar, Node)>) -> Step<Map> {
    let mut sources = Vec::new();
    let mut written = Vec::with_capacity(entries.len());
    let mut seen = false;
    for (key, value) in entries {
        if key.tag != Tag::Merge {
            written.push((key, value));
            continue;
        }
        if std::mem::replace(&mut seen, true) {
            return refuse(0, "the merge key `<<` stands twice in one map: write a list of maps");
        }
        merge_sources(value, true, &mut sources)?;
    }
    let mut places: HashMap<Str, usize> = HashMap::with_capacity(written.len());
    for (at, (key, _)) in written.iter().enumerate() {
        places.entry(key.text.clone()).or_insert(at);
    }
    let explicit = written.len();
    for (key, value) in sources.into_iter().flat_map(Map::into_entries) {
        match places.get(&key.text) {
            Some(&at) if at < explicit => {}
            Some(&at) => written[at] = (key, value),
            None => {
                places.insert(key.text.clone(), written.len());
                written.push((key, value));
            }
        }
    }
    Ok(Map::from_entries(written))
}

/// The maps to merge, the one that wins last.
fn merge_sources(value: Node, nested_allowed: bool, out: &mut Vec<Map>) -> Step {
    match value {
        Node::Map(map) => out.push(map),
        Node::List(list) if nested_allowed => {
            for item in list.into_iter().rev() {
                merge_sources(item, false, out)?;
            }
        }
        _ => return refuse(0, "`<<` wants a map or a list of maps: quote the key if it is only a name"),
    }
    Ok(())
}
