//! Go's regular expressions, translated for the `regex` crate. Both are RE2's kin: the leftmost match, the first alternative, linear time.
//!
//! What differs in writing: in Go `\d`, `\s`, `\w` and `\b` are ASCII and `\s` has no vertical tab; `\Q…\E` quotes; a `{` that begins no
//! count is itself; classes do not nest and know no set operations; a count is at most 1,000; `a**` and `\1` are errors. So every part is
//! read as Go reads it, and written again in a form that means the same there.

use std::fmt::Write as _;

/// Counts, and counts of counts, may not go beyond.
const MAX_COUNT: u64 = 1000;
/// Groups within groups. Go allows 1,000; the crate compiles them on the stack, of which threads have little.
const MAX_DEPTH: usize = 150;

/// A pattern of the `regex` crate, and the names of its groups by their numbers.
pub(super) struct Translated {
    pub(super) pattern: String,
    /// The whole match, without a name, is the first.
    pub(super) names: Vec<Option<String>>,
}

/// What holds for the rest of a group.
#[derive(Clone, Copy, Default, PartialEq)]
struct Flags {
    fold: bool,
    lazy: bool,
    multiline: bool,
    dot_all: bool,
}

struct Parser<'p> {
    whole: &'p str,
    rest: &'p str,
    out: String,
    flags: Flags,
    /// The flags before each open group, and the greatest count inside the outer group so far.
    open: Vec<(Flags, u64)>,
    names: Vec<Option<String>>,
    /// Whether something stands before that a count can be for, and the greatest product of counts in it.
    operand: Option<u64>,
    /// The greatest of the operands of this group.
    heaviest: u64,
    /// What the count just before was written as, with all behind it.
    last_repeat: &'p str,
}

type Step = Result<(), String>;

fn refused<T>(code: &str, expression: &str) -> Result<T, String> {
    Err(format!("error parsing regexp: {code}: `{expression}`"))
}

/// Translates `pattern`, or says in Go's words what is wrong with it.
pub(super) fn translate(pattern: &str) -> Result<Translated, String> {
    let mut parser = Parser {
        whole: pattern,
        rest: pattern,
        out: String::with_capacity(pattern.len() * 2),
        flags: Flags::default(),
        open: Vec::new(),
        names: vec![None],
        operand: None,
        heaviest: 1,
        last_repeat: "",
    };
    while !parser.rest.is_empty() {
        let before = parser.rest;
        let repeated = parser.part()?;
        parser.last_repeat = if repeated { before } else { "" };
    }
    if !parser.open.is_empty() {
        return refused("missing closing )", pattern);
    }
    Ok(Translated { pattern: parser.out, names: parser.names })
}

impl<'p> Parser<'p> {
    /// Reads one part. Whether it was a count.
    fn part(&mut self) -> Result<bool, String> {
        let Some(c) = self.rest.chars().next() else { return Ok(false) };
        match c {
            '(' if self.rest.starts_with("(?") => self.perl_group()?,
            '(' => {
                self.rest = &self.rest[1..];
                self.names.push(None);
                self.open_group("(")?;
            }
            '|' => {
                self.rest = &self.rest[1..];
                self.out.push('|');
                self.operand = None;
            }
            ')' => self.close_group()?,
            '^' => self.assertion(1, if self.flags.multiline { "(?m:^)" } else { r"\A" }),
            '$' => self.assertion(1, if self.flags.multiline { "(?m:$)" } else { r"\z" }),
            '.' => self.assertion(1, if self.flags.dot_all { "(?s:.)" } else { r"[^\n]" }),
            '[' => self.class()?,
            '*' | '+' | '?' => {
                let before = self.rest;
                self.rest = &self.rest[1..];
                self.repeat(before, &before[..1], 1)?;
                return Ok(true);
            }
            '{' => return self.counted(),
            '\\' => self.escaped()?,
            c => {
                self.rest = &self.rest[c.len_utf8()..];
                self.literal(u32::from(c));
            }
        }
        Ok(false)
    }

    /// An atom that is `len` bytes long here and `text` there.
    fn assertion(&mut self, len: usize, text: &str) {
        self.rest = &self.rest[len..];
        self.out.push_str(text);
        self.atom(1);
    }

    fn atom(&mut self, weight: u64) {
        self.operand = Some(weight);
        self.heaviest = self.heaviest.max(weight);
    }

    fn literal(&mut self, c: u32) {
        match char::from_u32(c) {
            Some(c) if c.is_ascii_alphanumeric() => self.out.push(c),
            // Writing to a String cannot fail, here and below.
            Some(_) => drop(write!(self.out, "\\x{{{c:x}}}")),
            // Half a surrogate pair: text never has one.
            None => self.out.push_str(r"[^\x{0}-\x{10ffff}]"),
        }
        self.atom(1);
    }

    fn open_group(&mut self, text: &str) -> Step {
        if self.open.len() >= MAX_DEPTH {
            return refused("expression nests too deeply", self.whole);
        }
        self.out.push_str(text);
        self.open.push((self.flags, self.heaviest));
        self.operand = None;
        self.heaviest = 1;
        Ok(())
    }

    fn close_group(&mut self) -> Step {
        let Some((flags, outer)) = self.open.pop() else { return refused("unexpected )", self.whole) };
        self.rest = &self.rest[1..];
        self.out.push(')');
        let weight = self.heaviest;
        (self.flags, self.heaviest) = (flags, outer);
        self.atom(weight);
        Ok(())
    }

    /// `(?P<name>`, `(?i)`, `(?i-s:` and so on.
    fn perl_group(&mut self) -> Step {
        let start = self.rest;
        for opening in ["(?P<", "(?<"] {
            let Some(rest) = start.strip_prefix(opening).filter(|rest| !rest.is_empty()) else { continue };
            let Some((name, rest)) = rest.split_once('>') else { return refused("invalid named capture", start) };
            if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
                return refused("invalid named capture", &start[..opening.len() + name.len() + 1]);
            }
            self.rest = rest;
            self.names.push(Some(name.to_owned()));
            return self.open_group("(");
        }
        self.perl_flags(start)
    }

    fn perl_flags(&mut self, start: &'p str) -> Step {
        let mut flags = self.flags;
        let (mut on, mut any) = (true, false);
        for (at, c) in start.char_indices().skip(2) {
            match c {
                'i' => flags.fold = on,
                'm' => flags.multiline = on,
                's' => flags.dot_all = on,
                'U' => flags.lazy = on,
                '-' if on => (on, any) = (false, false),
                ':' | ')' if on || any => {
                    self.rest = &start[at + 1..];
                    return self.set_flags(flags, c == ':');
                }
                _ => return refused("invalid or unsupported Perl syntax", &start[..at + c.len_utf8()]),
            }
            any |= c != '-';
        }
        refused("invalid or unsupported Perl syntax", start)
    }

    /// Only folding and laziness are left to the crate; lines and dots are written out.
    fn set_flags(&mut self, flags: Flags, group: bool) -> Step {
        let on = [(flags.fold, "i"), (flags.lazy, "U")].map(|(on, name)| if on { name } else { "" }).concat();
        let off = [(flags.fold, "i"), (flags.lazy, "U")].map(|(on, name)| if on { "" } else { name }).concat();
        let minus = if off.is_empty() { "" } else { "-" };
        let text = format!("(?{on}{minus}{off}{}", if group { ':' } else { ')' });
        if group {
            self.open_group(&text)?;
        } else {
            self.out.push_str(&text);
        }
        self.flags = flags;
        Ok(())
    }

    fn counted(&mut self) -> Result<bool, String> {
        let before = self.rest;
        let Some((min, max, len)) = count(before) else {
            self.rest = &before[1..];
            self.literal(u32::from('{'));
            return Ok(false);
        };
        if min > MAX_COUNT || max.is_some_and(|max| max > MAX_COUNT || max < min) {
            return refused("invalid repeat count", &before[..len]);
        }
        self.rest = &before[len..];
        self.repeat(before, &before[..len], max.unwrap_or(min).max(1))?;
        Ok(true)
    }

    /// Writes a count behind the operand; `before` begins with it.
    fn repeat(&mut self, before: &'p str, text: &str, times: u64) -> Step {
        if let Some(rest) = self.rest.strip_prefix('?') {
            self.rest = rest;
        }
        if !self.last_repeat.is_empty() {
            return refused("invalid nested repetition operator", &self.last_repeat[..self.last_repeat.len() - self.rest.len()]);
        }
        let written = &before[..before.len() - self.rest.len()];
        let Some(weight) = self.operand else { return refused("missing argument to repetition operator", written) };
        let weight = weight * times;
        if times > 1 && weight > MAX_COUNT {
            return refused("invalid repeat count", written);
        }
        self.out.push_str(text);
        if written.len() > text.len() {
            self.out.push('?');
        }
        self.atom(weight);
        Ok(())
    }

    fn escaped(&mut self) -> Step {
        match self.rest.as_bytes().get(1) {
            Some(b'A') => self.assertion(2, r"\A"),
            Some(b'z') => self.assertion(2, r"\z"),
            Some(b'b') => self.assertion(2, r"(?-u:\b)"),
            Some(b'B') => self.assertion(2, r"(?-u:\B)"),
            Some(b'C') => return refused("invalid escape sequence", r"\C"),
            Some(b'Q') => {
                let quoted = &self.rest[2..];
                let (quoted, rest) = quoted.split_once(r"\E").unwrap_or((quoted, ""));
                self.rest = rest;
                quoted.chars().for_each(|c| self.literal(u32::from(c)));
            }
            _ => {
                if let Some(text) = self.shared_class()? {
                    self.out.push_str(&text);
                    self.atom(1);
                } else {
                    let c = self.escape()?;
                    self.literal(c);
                }
            }
        }
        Ok(())
    }

    /// `\d`, `\p{Greek}`: what stands alone or in brackets.
    fn shared_class(&mut self) -> Result<Option<String>, String> {
        let perl = match self.rest.as_bytes() {
            [b'\\', b'd', ..] => "[0-9]",
            [b'\\', b'D', ..] => "[^0-9]",
            [b'\\', b's', ..] => r"[\t\n\x0c\r ]",
            [b'\\', b'S', ..] => r"[^\t\n\x0c\r ]",
            [b'\\', b'w', ..] => "[0-9A-Za-z_]",
            [b'\\', b'W', ..] => "[^0-9A-Za-z_]",
            [b'\\', b'p' | b'P', ..] => return self.unicode_class().map(Some),
            _ => return Ok(None),
        };
        self.rest = &self.rest[2..];
        Ok(Some(perl.to_owned()))
    }

    fn unicode_class(&mut self) -> Result<String, String> {
        let start = self.rest;
        let mut negated = start.starts_with(r"\P");
        let Some(c) = start[2..].chars().next() else { return refused("invalid character class range", start) };
        let (name, len) = if c == '{' {
            let Some(end) = start.find('}') else { return refused("invalid character class range", start) };
            (&start[3..end], end + 1)
        } else {
            (&start[2..2 + c.len_utf8()], 2 + c.len_utf8())
        };
        let plain = name.strip_prefix('^').unwrap_or(name);
        negated ^= plain.len() < name.len();
        let letter = if negated { 'P' } else { 'p' };
        let Some(text) = known_class(plain).map(|name| format!("\\{letter}{{{name}}}")) else {
            return refused("invalid character class range", &start[..len]);
        };
        self.rest = &start[len..];
        Ok(text)
    }

    /// One character, written with a backslash.
    fn escape(&mut self) -> Result<u32, String> {
        let start = self.rest;
        let mut chars = start[1..].chars();
        let Some(c) = chars.next() else { return refused("trailing backslash at end of expression", "") };
        let wrong = |chars: &std::str::Chars<'_>| refused("invalid escape sequence", &start[..start.len() - chars.as_str().len()]);
        let octal = |chars: &std::str::Chars<'_>| chars.clone().next().and_then(|c| c.to_digit(8));
        let value = match c {
            '1'..='7' if octal(&chars).is_none() => return wrong(&chars),
            '0'..='7' => {
                let mut value = c.to_digit(8).unwrap_or(0);
                for _ in 1..3 {
                    let Some(digit) = octal(&chars) else { break };
                    value = value * 8 + digit;
                    chars.next();
                }
                value
            }
            'x' => match hex(&mut chars) {
                Some(value) => value,
                None => return wrong(&chars),
            },
            'a' => 7,
            'f' => 12,
            'n' => 10,
            'r' => 13,
            't' => 9,
            'v' => 11,
            c if c.is_ascii() && !c.is_ascii_alphanumeric() => u32::from(c),
            _ => return wrong(&chars),
        };
        self.rest = chars.as_str();
        Ok(value)
    }

    /// `[…]`
    fn class(&mut self) -> Step {
        let start = self.rest;
        self.rest = &start[1..];
        let mut class = String::from("[");
        if let Some(rest) = self.rest.strip_prefix('^') {
            self.rest = rest;
            class.push('^');
        }
        // A class of nothing that text can hold is still a class.
        class.push_str(r"[^\x{0}-\x{10ffff}]");
        let mut first = true;
        while first || !self.rest.starts_with(']') {
            first = false;
            if let Some(named) = self.named_class()? {
                class.push_str(named);
            } else if let Some(text) = self.shared_class()? {
                class.push_str(&text);
            } else {
                self.range(start, &mut class)?;
            }
        }
        self.rest = &self.rest[1..];
        class.push(']');
        self.out.push_str(&class);
        self.atom(1);
        Ok(())
    }

    /// `[:alpha:]`
    fn named_class(&mut self) -> Result<Option<&'p str>, String> {
        const NAMES: [&str; 14] =
            ["alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper", "word", "xdigit"];
        let Some(end) = self.rest.strip_prefix("[:").and_then(|rest| rest.find(":]")) else { return Ok(None) };
        let (named, rest) = self.rest.split_at(end + 4);
        let name = &named[2..end + 2];
        if !NAMES.contains(&name.strip_prefix('^').unwrap_or(name)) {
            return refused("invalid character class range", named);
        }
        self.rest = rest;
        Ok(Some(named))
    }

    /// A character, or two with `-` between.
    fn range(&mut self, whole: &str, class: &mut String) -> Step {
        let start = self.rest;
        let low = self.class_char(whole)?;
        let mut high = low;
        if self.rest.len() >= 2 && self.rest.starts_with('-') && !self.rest.starts_with("-]") {
            self.rest = &self.rest[1..];
            high = self.class_char(whole)?;
            if high < low {
                return refused("invalid character class range", &start[..start.len() - self.rest.len()]);
            }
        }
        // No text holds surrogates, and the crate refuses them.
        let low = if (0xd800..0xe000).contains(&low) { 0xe000 } else { low };
        let high = if (0xd800..0xe000).contains(&high) { 0xd7ff } else { high };
        if low <= high {
            let _ = write!(class, "\\x{{{low:x}}}-\\x{{{high:x}}}");
        }
        Ok(())
    }

    fn class_char(&mut self, whole: &str) -> Result<u32, String> {
        match self.rest.chars().next() {
            None => refused("missing closing ]", whole),
            Some('\\') => self.escape(),
            Some(c) => {
                self.rest = &self.rest[c.len_utf8()..];
                Ok(u32::from(c))
            }
        }
    }
}

/// A category, a script or one of three more, as the crate names it. The crate knows other properties too, Go does not.
fn known_class(name: &str) -> Option<String> {
    let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b' '));
    if !plain || name.is_empty() {
        return None;
    }
    let more = ["any", "assigned", "ascii"].iter().any(|more| name.eq_ignore_ascii_case(more));
    let all = [more.then(|| name.to_owned()), Some(format!("gc={name}")), Some(format!("sc={name}"))];
    all.into_iter().flatten().find(|name| regex_syntax::parse(&format!("\\p{{{name}}}")).is_ok())
}

/// `{2}`, `{2,}`, `{2,5}`: least, most and length. Numbers with leading zeros make it no count.
fn count(text: &str) -> Option<(u64, Option<u64>, usize)> {
    fn number(text: &str) -> Option<(u64, &str)> {
        let len = text.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, rest) = text.split_at(len);
        let fits = len > 0 && (len == 1 || !digits.starts_with('0'));
        fits.then(|| (digits.parse().unwrap_or(u64::MAX), rest))
    }
    let (min, rest) = number(text.strip_prefix('{')?)?;
    let (max, rest) = match rest.strip_prefix(',') {
        None => (Some(min), rest),
        Some(rest) if rest.starts_with('}') => (None, rest),
        Some(rest) => number(rest).map(|(max, rest)| (Some(max), rest))?,
    };
    let rest = rest.strip_prefix('}')?;
    Some((min, max, text.len() - rest.len()))
}

/// Behind `\x`: two digits, or any number in braces.
fn hex(chars: &mut std::str::Chars<'_>) -> Option<u32> {
    match chars.next()? {
        '{' => {
            let (mut value, mut any) = (0u32, false);
            loop {
                match chars.next()? {
                    '}' => return any.then_some(value),
                    c => value = value * 16 + c.to_digit(16)?,
                }
                any = true;
                if value > 0x10_ffff {
                    return None;
                }
            }
        }
        high => {
            let low = chars.next()?;
            Some(high.to_digit(16)? * 16 + low.to_digit(16)?)
        }
    }
}
