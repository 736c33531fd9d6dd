//! The complete parser, granit-parser, told to a [`Sink`].

use std::borrow::Cow;
use std::collections::HashMap;

use granit_parser::{Event, Parser, ScalarStyle as Style, StructureStyle, Tag};

use super::event::{Properties, Scalar, Sink, Step, refuse};
use super::go_scanner::GoScanner;
use super::node::ScalarStyle;

/// What is open: a list, or a map that waits for a key or for a value.
#[derive(Clone, Copy, PartialEq)]
enum Open {
    List,
    Key,
    Value,
}

#[derive(Default)]
struct Reader {
    open: Vec<Open>,
    /// Anchored scalars, since an alias may stand as a key.
    scalars: HashMap<usize, Scalar<'static>>,
    started: bool,
    empty: bool,
}

/// Reads the whole stream, without what go-yaml's scanner refuses.
pub(crate) fn read(text: &str, sink: &mut impl Sink) -> Step {
    walk(text, Some(GoScanner::new(text)?), sink)
}

/// Reads JSON: its escapes (`\/`, surrogate halves) are those of YAML 1.2, which go-yaml does not know.
pub(crate) fn read_json(text: &str, sink: &mut impl Sink) -> Step {
    walk(text, None, sink)
}

fn walk(text: &str, mut scanner: Option<GoScanner<'_>>, sink: &mut impl Sink) -> Step {
    let mut reader = Reader::default();
    for event in Parser::new_from_str(text) {
        match event {
            Ok((mut event, span)) => {
                let at = span.start.byte_offset().unwrap_or(0);
                if let Some(scanner) = &mut scanner {
                    scan(scanner, &event, at, span.end.byte_offset().unwrap_or(at))?;
                }
                cut_missing_line_end(text, &mut event, span.end.byte_offset());
                reader.event(event, at, span.is_empty(), sink)?;
            }
            Err(e) => return refuse(e.marker().byte_offset().unwrap_or(0), format!("not valid YAML: {}", hint(text, &e))),
        }
    }
    scanner.map_or(Ok(()), |mut scanner| scanner.finish())
}

/// Shows the scanner what begins and ends.
fn scan(scanner: &mut GoScanner<'_>, event: &Event<'_>, start: usize, end: usize) -> Step {
    match event {
        // A scalar of which nothing is written has no length, and may be told of late.
        Event::Scalar(_, style, ..) if end > start => scanner.scalar(start, end, scalar_style(*style))?,
        Event::SequenceStart(style, ..) | Event::MappingStart(style, ..) => scanner.open(start, *style == StructureStyle::Flow),
        Event::SequenceEnd | Event::MappingEnd => scanner.close(),
        _ => {}
    }
    Ok(())
}

fn scalar_style(style: Style) -> ScalarStyle {
    match style {
        Style::Plain => ScalarStyle::Plain,
        Style::SingleQuoted => ScalarStyle::SingleQuoted,
        Style::DoubleQuoted => ScalarStyle::DoubleQuoted,
        Style::Literal => ScalarStyle::Literal,
        Style::Folded => ScalarStyle::Folded,
    }
}

/// A text that ends within a block scalar has no last line end to keep, and go-yaml keeps none; this parser adds one.
fn cut_missing_line_end(text: &str, event: &mut Event<'_>, end: Option<usize>) {
    if text.ends_with('\n') || end.is_none_or(|end| end < text.len()) {
        return;
    }
    if let Event::Scalar(value, Style::Literal | Style::Folded, ..) = event
        && value.ends_with('\n')
        && text.lines().next_back().is_some_and(|line| !line.trim_start_matches(' ').is_empty())
    {
        value.to_mut().pop();
    }
}

fn hint(text: &str, error: &granit_parser::ScanError) -> String {
    let line = text.lines().nth(error.marker().line().saturating_sub(1)).unwrap_or_default();
    if line.trim_start_matches(' ').starts_with('\t') {
        return "a tab indents this line: use spaces".to_owned();
    }
    let info = error.info();
    if info.contains("limit") || info.contains("recursion") {
        return format!("nested too deeply ({info}): flatten it");
    }
    info
}

fn tag_text(tag: Option<Cow<'_, Tag>>) -> Option<String> {
    tag.map(|tag| {
        let (handle, suffix) = tag.parts();
        format!("{handle}{suffix}")
    })
}

impl Reader {
    fn event(&mut self, event: Event<'_>, at: usize, nothing: bool, sink: &mut impl Sink) -> Step {
        match event {
            Event::DocumentStart(..) => {
                (self.started, self.empty) = (false, false);
                self.scalars.clear();
            }
            Event::DocumentEnd => {
                self.start(at, sink)?;
                sink.document_end(self.empty)?;
            }
            Event::Scalar(text, style, anchor, tag) => self.scalar(text, style, anchor, tag_text(tag), at, nothing, sink)?,
            Event::SequenceStart(style, anchor, tag) => {
                self.node(at, sink)?;
                self.open.push(Open::List);
                sink.list_start(at, Properties { anchor, tag: tag_text(tag), flow: style == StructureStyle::Flow })?;
            }
            Event::MappingStart(style, anchor, tag) => {
                self.node(at, sink)?;
                self.open.push(Open::Key);
                sink.map_start(at, Properties { anchor, tag: tag_text(tag), flow: style == StructureStyle::Flow })?;
            }
            Event::SequenceEnd => {
                self.open.pop();
                sink.list_end()?;
            }
            Event::MappingEnd => {
                self.open.pop();
                sink.map_end()?;
            }
            Event::Alias(anchor) => self.alias(anchor, at, sink)?,
            _ => {}
        }
        Ok(())
    }

    fn start(&mut self, at: usize, sink: &mut impl Sink) -> Step {
        if self.started {
            return Ok(());
        }
        self.started = true;
        sink.document_start(at)
    }

    /// Notes that a value begins here.
    fn node(&mut self, at: usize, sink: &mut impl Sink) -> Step {
        self.start(at, sink)?;
        match self.open.last_mut() {
            Some(Open::Key) => refuse(at, "a map or list stands as a map key: keys must be scalars"),
            Some(open @ Open::Value) => {
                *open = Open::Key;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of one event")]
    fn scalar(
        &mut self,
        text: Cow<'_, str>,
        style: Style,
        anchor: usize,
        tag: Option<String>,
        at: usize,
        nothing: bool,
        sink: &mut impl Sink,
    ) -> Step {
        self.start(at, sink)?;
        let style = scalar_style(style);
        // The parser says `~` where nothing was written; nothing has no length.
        let nothing = nothing && style == ScalarStyle::Plain;
        self.empty = self.open.is_empty() && nothing && tag.is_none() && anchor == 0;
        let text = if nothing { Cow::Borrowed("") } else { text };
        let scalar = Scalar { text, style, tag: tag.map(Cow::Owned) };
        if anchor != 0 {
            let kept =
                Scalar { text: scalar.text.clone().into_owned().into(), style, tag: scalar.tag.clone().map(|t| t.into_owned().into()) };
            self.scalars.insert(anchor, kept);
        }
        if let Some(open @ Open::Key) = self.open.last_mut() {
            *open = Open::Value;
            return sink.key(at, scalar);
        }
        self.node(at, sink)?;
        sink.scalar(at, anchor, scalar)
    }

    fn alias(&mut self, anchor: usize, at: usize, sink: &mut impl Sink) -> Step {
        if let Some(open @ Open::Key) = self.open.last_mut() {
            let Some(scalar) = self.scalars.get(&anchor) else {
                return refuse(at, "an alias of a map or list stands as a map key: keys must be scalars");
            };
            *open = Open::Value;
            return sink.key(at, scalar.clone());
        }
        self.node(at, sink)?;
        sink.alias(at, anchor)
    }
}
