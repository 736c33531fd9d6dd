//! The `regex…` functions: finding, splitting and replacing with Go's rules for empty matches and for `$1` in replacements.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use ::regex::{Captures, Regex, RegexBuilder};

use super::args::{Outcome, done, int, text};
use super::pattern;
use super::rune;
use crate::error::FuncError;
use crate::fmt::quote;
use crate::scope::Scope;
use crate::text::Str;
use crate::value::{List, ListType, Value};

type Args<'a> = &'a mut [Value];

/// Patterns are few and come again and again: this many are kept compiled for each thread.
const KEPT: usize = 64;

struct Pattern {
    regex: Regex,
    names: Vec<Option<String>>,
    is_empty: bool,
}

type Compiled = Result<Pattern, String>;

thread_local! {
    static COMPILED: RefCell<HashMap<Str, Rc<Compiled>>> = RefCell::default();
}

fn compile(pattern: &[u8]) -> Compiled {
    let Ok(text) = std::str::from_utf8(pattern) else {
        return Err(format!("error parsing regexp: invalid UTF-8: `{}`", String::from_utf8_lossy(pattern)));
    };
    let translated = pattern::translate(text)?;
    // Each group may bring an alternation, a sequence and a count; those nest too.
    let regex = RegexBuilder::new(&translated.pattern).nest_limit(600).build();
    let regex = regex.map_err(|_| format!("error parsing regexp: expression too large: `{text}`"))?;
    Ok(Pattern { regex, names: translated.names, is_empty: text.is_empty() })
}

fn compiled(pattern: &Str) -> Rc<Compiled> {
    COMPILED.with_borrow_mut(|kept| {
        if let Some(known) = kept.get(pattern) {
            return Rc::clone(known);
        }
        if kept.len() >= KEPT {
            kept.clear();
        }
        let new = Rc::new(compile(pattern));
        kept.insert(pattern.clone(), Rc::clone(&new));
        new
    })
}

/// What the functions do when the pattern is none.
#[derive(Clone, Copy, PartialEq)]
enum Failure {
    /// `regexp.MustCompile` names the pattern.
    Panic,
    /// `regexp.Compile` says what is wrong.
    Error,
}

fn with_pattern(pattern: &Value, failure: Failure, work: impl FnOnce(&Pattern) -> Outcome) -> Outcome {
    let pattern = text(pattern)?;
    match (&*compiled(pattern), failure) {
        (Ok(compiled), _) => work(compiled),
        (Err(e), Failure::Error) => Err(FuncError::new(e.clone())),
        (Err(e), Failure::Panic) => Err(FuncError::new(format!("regexp: Compile({}): {e}", back_quoted(pattern)))),
    }
}

/// `regexp.quote`: in back quotes, if that can be.
fn back_quoted(pattern: &[u8]) -> String {
    match std::str::from_utf8(pattern) {
        Ok(text) if !text.chars().any(|c| c == '`' || c == '\u{feff}' || c.is_control() && c != '\t') => format!("`{text}`"),
        _ => quote(pattern),
    }
}

/// The text that is searched. Go takes bytes that are no UTF-8 for U+FFFD, one by one, but gives them back as they were.
struct Subject<'t> {
    bytes: &'t [u8],
    text: Cow<'t, str>,
    /// For a text with such bytes: where in `bytes` each byte of `text` comes from.
    origin: Option<Vec<usize>>,
}

impl<'t> Subject<'t> {
    fn new(source: &'t Str) -> Subject<'t> {
        let bytes = source.as_bytes();
        if let Some(text) = source.to_utf8() {
            return Subject { bytes, text: Cow::Borrowed(text), origin: None };
        }
        let (mut text, mut origin, mut at) = (String::new(), Vec::new(), 0);
        while at < bytes.len() {
            let (c, len) = rune::first(&bytes[at..]);
            text.push(c);
            origin.extend(std::iter::repeat_n(at, c.len_utf8()));
            at += len;
        }
        origin.push(at);
        Subject { bytes, text: Cow::Owned(text), origin: Some(origin) }
    }

    fn part(&self, start: usize, end: usize) -> &'t [u8] {
        match &self.origin {
            Some(origin) => &self.bytes[origin[start]..origin[end]],
            None => &self.bytes[start..end],
        }
    }

    /// The next rune's length at `at`; 0 at the end.
    fn width(&self, at: usize) -> usize {
        self.text[at..].chars().next().map_or(0, char::len_utf8)
    }

    /// All matches, at most `n`, as Go finds them: an empty one right behind another does not count.
    fn matches(&self, regex: &Regex, n: i64) -> Vec<(usize, usize)> {
        let most = if n < 0 { usize::MAX } else { usize::try_from(n).unwrap_or(usize::MAX) };
        let mut found = Vec::new();
        let (mut at, mut previous_end) = (0, None);
        while found.len() < most && at <= self.text.len() {
            let Some(m) = regex.find_at(&self.text, at) else { break };
            let accepted = m.end() != at || previous_end != Some(m.start());
            at = match m.end() {
                end if end == at => match self.width(at) {
                    0 => self.text.len() + 1,
                    width => at + width,
                },
                end => end,
            };
            previous_end = Some(m.end());
            if accepted {
                found.push((m.start(), m.end()));
            }
        }
        found
    }

    /// The text with all matches replaced by what `replacement` makes of them.
    fn replaced(
        &self,
        scope: &mut Scope<'_>,
        regex: &Regex,
        mut replacement: impl FnMut(&mut Vec<u8>, &Captures<'_>),
    ) -> Result<Vec<u8>, FuncError> {
        let mut out = Vec::with_capacity(self.bytes.len());
        let (mut last_end, mut at) = (0, 0);
        while at <= self.text.len() {
            let Some(captures) = regex.captures_at(&self.text, at) else { break };
            let Some(m) = captures.get(0) else { break };
            let before = out.len();
            out.extend_from_slice(self.part(last_end, m.start()));
            if m.end() > last_end || m.start() == 0 {
                replacement(&mut out, &captures);
            }
            scope.charge(out.len() - before)?;
            last_end = m.end();
            let width = self.width(at);
            at = if at + width > m.end() { at + width } else { m.end().max(if width == 0 { at + 1 } else { at }) };
        }
        if last_end <= self.text.len() {
            out.extend_from_slice(self.part(last_end, self.text.len()));
        }
        Ok(out)
    }
}

/// A piece of a replacement text.
enum Piece {
    Plain(Vec<u8>),
    /// The first of these groups that took part.
    Groups(Vec<usize>),
}

/// `$1`, `${name}` and `$$` of Go. The name is as long as can be (`$1W` is the group `1W`); a group that is not there is nothing; a `$`
/// before anything else is itself.
fn pieces(template: &[u8], names: &[Option<String>]) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut plain = Vec::new();
    let mut rest = template;
    while let Some(at) = memchr::memchr(b'$', rest) {
        plain.extend_from_slice(&rest[..at]);
        rest = &rest[at + 1..];
        if rest.first() == Some(&b'$') {
            plain.push(b'$');
            rest = &rest[1..];
        } else if let Some((name, len)) = group_name(rest) {
            rest = &rest[len..];
            let is_it = |known: &Option<String>| known.as_deref().is_some_and(|known| known.as_bytes() == name);
            // Several groups may have one name.
            let groups = group_number(name).map_or_else(|| (0..names.len()).filter(|i| is_it(&names[*i])).collect(), |number| vec![number]);
            pieces.push(Piece::Plain(std::mem::take(&mut plain)));
            pieces.push(Piece::Groups(groups));
        } else {
            plain.push(b'$');
        }
    }
    plain.extend_from_slice(rest);
    pieces.push(Piece::Plain(plain));
    pieces
}

/// The name behind a `$`, and how long it is with its braces.
fn group_name(text: &[u8]) -> Option<(&[u8], usize)> {
    let (braced, body) = match text.strip_prefix(b"{") {
        Some(body) => (true, body),
        None => (false, text),
    };
    let mut len = 0;
    while len < body.len() {
        let (c, width) = rune::first(&body[len..]);
        if !(c == '_' || rune::is_letter(c) || rune::is_digit(c)) {
            break;
        }
        len += width;
    }
    match (len, braced) {
        (0, _) => None,
        (_, false) => Some((&body[..len], len)),
        (_, true) => (body.get(len) == Some(&b'}')).then(|| (&body[..len], len + 2)),
    }
}

fn group_number(name: &[u8]) -> Option<usize> {
    let number = name.iter().all(u8::is_ascii_digit) && name.len() <= 9 && (name.len() == 1 || name[0] != b'0');
    number.then(|| name.iter().fold(0, |n, b| n * 10 + usize::from(b - b'0')))
}

pub(super) fn matches(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    let found = must_match(args, Failure::Error);
    Ok(Value::Bool(matches!(found, Ok(Value::Bool(true)))))
}

pub(super) fn must_matches(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    must_match(args, Failure::Error)
}

fn must_match(args: &[Value], failure: Failure) -> Outcome {
    let subject = Subject::new(text(&args[1])?);
    with_pattern(&args[0], failure, |pattern| Ok(Value::Bool(pattern.regex.is_match(&subject.text))))
}

fn found(args: &[Value], failure: Failure) -> Outcome {
    let subject = Subject::new(text(&args[1])?);
    with_pattern(&args[0], failure, |pattern| match pattern.regex.find(&subject.text) {
        Some(m) => done(subject.part(m.start(), m.end())),
        None => done(""),
    })
}

pub(super) fn find(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    found(args, Failure::Panic)
}

pub(super) fn must_find(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    found(args, Failure::Error)
}

fn all_found(scope: &mut Scope<'_>, args: &[Value], failure: Failure) -> Outcome {
    let (subject, n) = (Subject::new(text(&args[1])?), int(&args[2])?);
    with_pattern(&args[0], failure, |pattern| {
        let found = subject.matches(&pattern.regex, n);
        scope.charge(found.len() * size_of::<Value>())?;
        Ok(Value::List(match found.is_empty() {
            true => List::nil(ListType::STRINGS),
            false => List::strings(found.iter().map(|(start, end)| subject.part(*start, *end))),
        }))
    })
}

pub(super) fn find_all(scope: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    all_found(scope, args, Failure::Panic)
}

pub(super) fn must_find_all(scope: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    all_found(scope, args, Failure::Error)
}

fn replaced(scope: &mut Scope<'_>, args: &[Value], failure: Failure) -> Outcome {
    let subject = Subject::new(text(&args[1])?);
    let template = text(&args[2])?;
    with_pattern(&args[0], failure, |pattern| {
        let pieces = pieces(template, &pattern.names);
        done(subject.replaced(scope, &pattern.regex, |out, captures| {
            for piece in &pieces {
                match piece {
                    Piece::Plain(plain) => out.extend_from_slice(plain),
                    Piece::Groups(groups) => {
                        let m = groups.iter().find_map(|group| captures.get(*group));
                        out.extend_from_slice(m.map_or(&[][..], |m| subject.part(m.start(), m.end())));
                    }
                }
            }
        })?)
    })
}

pub(super) fn replace_all(scope: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    replaced(scope, args, Failure::Panic)
}

pub(super) fn must_replace_all(scope: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    replaced(scope, args, Failure::Error)
}

fn replaced_literally(scope: &mut Scope<'_>, args: &[Value], failure: Failure) -> Outcome {
    let subject = Subject::new(text(&args[1])?);
    let replacement = text(&args[2])?;
    with_pattern(&args[0], failure, |pattern| done(subject.replaced(scope, &pattern.regex, |out, _| out.extend_from_slice(replacement))?))
}

pub(super) fn replace_all_literal(scope: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    replaced_literally(scope, args, Failure::Panic)
}

pub(super) fn must_replace_all_literal(scope: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    replaced_literally(scope, args, Failure::Error)
}

fn split_up(scope: &mut Scope<'_>, args: &[Value], failure: Failure) -> Outcome {
    let (subject, n) = (Subject::new(text(&args[1])?), int(&args[2])?);
    with_pattern(&args[0], failure, |pattern| {
        if n == 0 {
            return Ok(Value::List(List::nil(ListType::STRINGS)));
        }
        if subject.bytes.is_empty() && !pattern.is_empty {
            return Ok(Value::List(List::strings([""])));
        }
        let most = usize::try_from(n).unwrap_or(usize::MAX);
        let (mut parts, mut begin, mut end) = (Vec::new(), 0, 0);
        for (start, stop) in subject.matches(&pattern.regex, n) {
            if parts.len() >= most - 1 {
                break;
            }
            end = start;
            if stop != 0 {
                parts.push(subject.part(begin, end));
            }
            begin = stop;
        }
        if end != subject.text.len() {
            parts.push(subject.part(begin, subject.text.len()));
        }
        scope.charge(parts.len() * size_of::<Value>())?;
        Ok(Value::List(List::strings(parts)))
    })
}

pub(super) fn split(scope: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    split_up(scope, args, Failure::Panic)
}

pub(super) fn must_split(scope: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    split_up(scope, args, Failure::Error)
}

pub(super) fn quote_meta(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    let mut out = Vec::new();
    for b in text(&args[0])?.iter() {
        if br"\.+*?()|[]{}^$".contains(b) {
            out.push(b'\\');
        }
        out.push(*b);
    }
    done(out)
}
