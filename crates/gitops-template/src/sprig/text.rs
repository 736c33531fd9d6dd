//! Functions on one text.
//!
//! Lengths and positions count bytes, as in Go: `trunc` cuts runes in two. Some functions of the reference read bytes as if they were
//! runes (`nospace`, `initials`), and so turn `é` into `Ã©` when they change anything.

use super::args::{self, Outcome, done, int, strval};
use super::{rune, words};
use crate::error::FuncError;
use crate::scope::Scope;
use crate::text::Str;
use crate::value::Value;

type Args<'a> = &'a mut [Value];

/// The text, each rune replaced. ASCII stays ASCII under all of Go's mappings but `K` (Kelvin), which is none.
fn map_runes(value: &Value, ascii: fn(&[u8]) -> Vec<u8>, rune: fn(char) -> char) -> Outcome {
    let text = args::text(value)?;
    if text.is_ascii() { done(ascii(text)) } else { done(text.text().chars().map(rune).collect::<String>()) }
}

pub(super) fn upper(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    map_runes(&args[0], <[u8]>::to_ascii_uppercase, rune::to_upper)
}

pub(super) fn lower(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    map_runes(&args[0], <[u8]>::to_ascii_lowercase, rune::to_lower)
}

/// `strings.Title`: a capital where a word begins. Apostrophes and points end words, as Go has kept it.
pub(super) fn title(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    let mut previous = ' ';
    let text = args::text(&args[0])?.text();
    done(
        text.chars()
            .map(|c| {
                let apart = match std::mem::replace(&mut previous, c) {
                    p if p.is_ascii() => !p.is_ascii_alphanumeric() && p != '_',
                    p => !rune::is_letter(p) && !rune::is_digit(p) && p.is_whitespace(),
                };
                if apart { rune::to_title(c) } else { c }
            })
            .collect::<String>(),
    )
}

pub(super) fn untitle(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    let mut begins = true;
    let text = args::text(&args[0])?;
    if text.is_empty() {
        return done(text.clone());
    }
    done(
        text.text()
            .chars()
            .map(|c| match (c.is_whitespace(), std::mem::replace(&mut begins, c.is_whitespace())) {
                (false, true) => rune::to_lower(c),
                _ => c,
            })
            .collect::<String>(),
    )
}

pub(super) fn swapcase(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    let mut blank = true;
    let swap = |c: char| {
        if rune::is_upper(c) || rune::is_title(c) {
            blank = false;
            rune::to_lower(c)
        } else if rune::is_lower(c) {
            if std::mem::take(&mut blank) { rune::to_title(c) } else { rune::to_upper(c) }
        } else {
            blank = c.is_whitespace();
            c
        }
    };
    done(args::text(&args[0])?.text().chars().map(swap).collect::<String>())
}

pub(super) fn trim(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    done(rune::trim(args::text(&args[0])?, char::is_whitespace))
}

/// Cuts any of the runes of the first argument off the second.
pub(super) fn trim_all(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    let cut = args::text(&args[0])?.text();
    done(rune::trim(args::text(&args[1])?, |c| cut.contains(c)))
}

pub(super) fn trim_suffix(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    let text = args::text(&args[1])?;
    match text.strip_suffix(args::text(&args[0])?.as_bytes()) {
        Some(rest) => done(rest),
        None => Ok(args[1].take()),
    }
}

pub(super) fn trim_prefix(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    let text = args::text(&args[1])?;
    match text.strip_prefix(args::text(&args[0])?.as_bytes()) {
        Some(rest) => done(rest),
        None => Ok(args[1].take()),
    }
}

/// Bytes as the reference reads them: each one a rune of Latin-1.
fn latin(text: &[u8]) -> impl Iterator<Item = char> {
    text.iter().map(|b| char::from(*b))
}

pub(super) fn nospace(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    let text = args::text(&args[0])?;
    if latin(text).any(char::is_whitespace) {
        done(latin(text).filter(|c| !c.is_whitespace()).collect::<String>())
    } else {
        Ok(args[0].take())
    }
}

pub(super) fn initials(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    let mut gap = true;
    done(latin(args::text(&args[0])?).filter(|c| std::mem::replace(&mut gap, c.is_whitespace()) && !c.is_whitespace()).collect::<String>())
}

pub(super) fn snakecase(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    done(words::lower_with(&args::text(&args[0])?.text(), '_'))
}

pub(super) fn kebabcase(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    done(words::lower_with(&args::text(&args[0])?.text(), '-'))
}

pub(super) fn camelcase(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    done(words::pascal(&args::text(&args[0])?.text()))
}

/// `text[from..to]` with Go's error.
fn cut(text: &[u8], from: i64, to: i64) -> Outcome {
    let len = text.len();
    match (usize::try_from(from), usize::try_from(to)) {
        (Ok(from), Ok(to)) if from <= to && to <= len => done(&text[from..to]),
        (_, Ok(to)) if to <= len => Err(FuncError::new(format!("runtime error: slice bounds out of range [{from}:{to}]"))),
        _ if to < 0 => Err(FuncError::new(format!("runtime error: slice bounds out of range [:{to}]"))),
        _ => Err(FuncError::new(format!("runtime error: slice bounds out of range [:{to}] with length {len}"))),
    }
}

fn length(text: &[u8]) -> i64 {
    i64::try_from(text.len()).unwrap_or(i64::MAX)
}

pub(super) fn trunc(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    let (count, text) = (int(&args[0])?, args::text(&args[1])?);
    let from_end = length(text).saturating_add(count);
    if count < 0 && from_end > 0 {
        cut(text, from_end, length(text))
    } else if count >= 0 && length(text) > count {
        cut(text, 0, count)
    } else {
        Ok(args[1].take())
    }
}

pub(super) fn substr(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    let (start, end, text) = (int(&args[0])?, int(&args[1])?, args::text(&args[2])?);
    if start < 0 {
        cut(text, 0, end)
    } else if end < 0 || end > length(text) {
        cut(text, start, length(text))
    } else {
        cut(text, start, end)
    }
}

pub(super) fn repeat(scope: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    let (count, text) = (int(&args[0])?, args::text(&args[1])?);
    let count = usize::try_from(count).map_err(|_| FuncError::new("strings: negative Repeat count"))?;
    if count == 1 || text.is_empty() {
        return Ok(args[1].take());
    }
    scope.charge(text.len().saturating_mul(count))?;
    done(text.repeat(count))
}

pub(super) fn indent(scope: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    indented(scope, args, false)
}

pub(super) fn nindent(scope: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    indented(scope, args, true)
}

/// Blanks before every line, empty ones included.
fn indented(scope: &mut Scope<'_>, args: Args<'_>, line_feed: bool) -> Outcome {
    let (spaces, text) = (int(&args[0])?, args::text(&args[1])?);
    let spaces = usize::try_from(spaces).map_err(|_| FuncError::new("strings: negative Repeat count"))?;
    let lines = 1 + memchr::memchr_iter(b'\n', text).count();
    let size = spaces.saturating_mul(lines).saturating_add(text.len() + 1);
    scope.charge(size)?;
    let mut out = Vec::with_capacity(size);
    if line_feed {
        out.push(b'\n');
    }
    let mut start = 0;
    for end in memchr::memchr_iter(b'\n', text).map(|at| at + 1).chain([text.len()]) {
        out.resize(out.len() + spaces, b' ');
        out.extend_from_slice(&text[start..end]);
        start = end;
    }
    done(out)
}

/// `strings.Replace` of all. An empty `old` is found before each rune and at the end.
pub(super) fn replace(scope: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    let (old, new, text) = (args::text(&args[0])?, args::text(&args[1])?, args::text(&args[2])?);
    if old.is_empty() {
        scope.charge(new.len().saturating_mul(text.len() + 1).saturating_add(text.len()))?;
        let mut out = new.to_vec();
        let mut rest: &[u8] = text;
        while !rest.is_empty() {
            let (_, len) = rune::first(rest);
            out.extend_from_slice(&rest[..len]);
            out.extend_from_slice(new);
            rest = &rest[len..];
        }
        return done(out);
    }
    let found = memchr::memmem::find_iter(text, old.as_bytes()).count();
    if found == 0 {
        return Ok(args[2].take());
    }
    let size = (text.len() - found * old.len()).saturating_add(found.saturating_mul(new.len()));
    scope.charge(size)?;
    let mut out = Vec::with_capacity(size);
    let mut start = 0;
    for at in memchr::memmem::find_iter(text, old.as_bytes()) {
        out.extend_from_slice(&text[start..at]);
        out.extend_from_slice(new);
        start = at + old.len();
    }
    out.extend_from_slice(&text[start..]);
    done(out)
}

pub(super) fn contains(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    Ok(Value::Bool(memchr::memmem::find(args::text(&args[1])?, args::text(&args[0])?).is_some()))
}

pub(super) fn has_prefix(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    Ok(Value::Bool(args::text(&args[1])?.starts_with(args::text(&args[0])?)))
}

pub(super) fn has_suffix(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    Ok(Value::Bool(args::text(&args[1])?.ends_with(args::text(&args[0])?)))
}

pub(super) fn plural(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    let at = usize::from(int(&args[2])? != 1);
    Ok(args[at].take())
}

pub(super) fn to_string(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    done(strval(&args[0])?)
}

/// What is not nil, printed by `print`, with blanks between.
fn spaced(args: &[Value], print: impl Fn(&Value) -> Result<Str, FuncError>) -> Outcome {
    let mut out = Vec::new();
    for (i, value) in args.iter().filter(|v| !v.is_nil()).enumerate() {
        if i > 0 {
            out.push(b' ');
        }
        out.extend_from_slice(&print(value)?);
    }
    done(out)
}

pub(super) fn quote(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    spaced(args, |value| Ok(crate::fmt::quote(&strval(value)?).into()))
}

pub(super) fn squote(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    spaced(args, |value| Ok([b"'", crate::fmt::display(value)?.as_bytes(), b"'"].concat().into()))
}

pub(super) fn cat(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    spaced(args, crate::fmt::display)
}

pub(super) fn abbrev(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    let (width, text) = (int(&args[0])?, args::text(&args[1])?);
    if width < 4 { Ok(args[1].take()) } else { done(abbreviated(text, 0, width)) }
}

pub(super) fn abbrevboth(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    let (left, right, text) = (int(&args[0])?, int(&args[1])?, args::text(&args[2])?);
    if right < 4 || left > 0 && right < 7 { Ok(args[2].take()) } else { done(abbreviated(text, left, right)) }
}

/// goutils' `AbbreviateFull`: at most `width` bytes, with dots for what is missing before `offset` and at the end. `width` is at least
/// 4, and 7 if there is an offset; only an offset that wraps around can come with less, and makes nothing.
fn abbreviated(text: &[u8], offset: i64, width: i64) -> Vec<u8> {
    let len = length(text);
    if len <= width {
        return text.to_vec();
    }
    let offset = if offset > len || len.wrapping_sub(offset) < width - 3 { len - (width - 3) } else { offset };
    let part = |from: i64, to: i64| &text[usize::try_from(from).unwrap_or(0)..usize::try_from(to.min(len)).unwrap_or(0)];
    if offset <= 4 {
        return [part(0, width - 3), b"..."].concat();
    }
    if width < 7 {
        return Vec::new();
    }
    if offset + width - 3 < len {
        return [b"...", abbreviated(part(offset, len), 0, width - 3).as_slice()].concat();
    }
    [b"...", part(len - (width - 3), len)].concat()
}

pub(super) fn wrap(scope: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    let (width, text) = (int(&args[0])?, args::text(&args[1])?);
    scope.charge(text.len())?;
    done(wrapped(text, width, b"\n", false))
}

pub(super) fn wrap_with(scope: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    let (width, line_end, text) = (int(&args[0])?, args::text(&args[1])?, args::text(&args[2])?);
    let lines = text.len() / usize::try_from(width.max(1)).unwrap_or(usize::MAX) + text.len().min(1);
    scope.charge(lines.saturating_mul(line_end.len()).saturating_add(text.len()))?;
    let line_end: &[u8] = if line_end.is_empty() { b"\n" } else { line_end };
    done(wrapped(text, width, line_end, true))
}

/// goutils' `WrapCustom`: lines of at most `width` bytes, cut at blanks; a longer word is cut too, or sticks out.
fn wrapped(text: &[u8], width: i64, line_end: &[u8], cut_words: bool) -> Vec<u8> {
    let width = usize::try_from(width.max(1)).unwrap_or(usize::MAX);
    let mut out = Vec::with_capacity(text.len() + text.len() / 8);
    let mut rest = text;
    while rest.len() > width {
        if rest[0] == b' ' {
            rest = &rest[1..];
            continue;
        }
        let (line, next) = match memchr::memrchr(b' ', &rest[..=width]) {
            Some(at) => (at, at + 1),
            None if cut_words => (width, width),
            None => match memchr::memchr(b' ', &rest[width..]) {
                Some(at) => (width + at, width + at + 1),
                None => break,
            },
        };
        out.extend_from_slice(&rest[..line]);
        out.extend_from_slice(line_end);
        rest = &rest[next..];
    }
    out.extend_from_slice(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_wrapped_as_goutils_does() {
        assert_eq!(wrapped(b"aaa bbb cccccccc d", 5, b"\n", false), b"aaa\nbbb\ncccccccc\nd");
        assert_eq!(wrapped(b"aaa bbb cccccccc d", 5, b"|", true), b"aaa|bbb|ccccc|ccc d");
        assert_eq!(wrapped(b"", 5, b"|", true), b"");
    }

    #[test]
    fn texts_are_abbreviated() {
        assert_eq!(abbreviated(b"hello world", 0, 8), b"hello...");
        assert_eq!(abbreviated(b"1234 5678 9123", 5, 10), b"...5678...");
        assert_eq!(abbreviated(b"1234567890abcdefghij", 50, 8), b"...fghij");
    }
}
