//! JSON in: RFC 8259, strictly, in one pass and without recursion.
//!
//! Numbers are as Go keeps them: whole numbers of 64 bits are exact, all others are the nearest double; one beyond the
//! doubles is refused. Halves of surrogate pairs that stand alone are refused. Offsets are bytes; errors say line and
//! column, in characters from 1.

use std::borrow::Cow;

use crate::yaml::build::ValueBuilder;
use crate::yaml::event::{Properties, Sink, Step, refuse};
use crate::yaml::{DuplicateKeys, ParseError, ParseOptions, finish, source};
use crate::{Number, Value};

/// Reads one JSON value, which `file` names in errors. Of equal keys the last one counts, as in Go.
///
/// # Errors
/// When it is not JSON, or goes beyond a limit of [`ParseOptions::default`].
pub fn parse(text: &[u8], file: &str) -> Result<Value, ParseError> {
    parse_with(text, file, &ParseOptions { duplicates: DuplicateKeys::LastWins, ..ParseOptions::default() })
}

/// Reads one JSON value within limits. `schema` and `max_alias_values` mean nothing here; warnings are dropped.
///
/// # Errors
/// When it is not JSON, or goes beyond a limit.
pub fn parse_with(text: &[u8], file: &str, options: &ParseOptions) -> Result<Value, ParseError> {
    let text = source::decode(text, file, options.max_bytes)?;
    let mut builder = ValueBuilder::new(options);
    let outcome = Reader { text, bytes: text.as_bytes(), pos: 0, open: Vec::new() }.read(&mut builder);
    let mut parsed = finish(outcome, builder, text, file, options)?;
    Ok(parsed.documents.pop().map(|document| document.value).unwrap_or_default())
}

struct Reader<'t> {
    text: &'t str,
    bytes: &'t [u8],
    pos: usize,
    /// The closing brackets that are awaited.
    open: Vec<u8>,
}

impl<'t> Reader<'t> {
    fn read(mut self, sink: &mut ValueBuilder<'_>) -> Step {
        self.space();
        sink.document_start(self.pos)?;
        self.value(sink)?;
        while let Some(&close) = self.open.last() {
            self.space();
            match self.peek() {
                Some(b',') => {
                    self.pos += 1;
                    self.space();
                    if close == b'}' {
                        self.key(sink)?;
                    }
                    self.value(sink)?;
                }
                Some(b) if b == close => self.close(sink)?,
                _ => return self.expected(if close == b'}' { "`,` or `}`" } else { "`,` or `]`" }),
            }
        }
        self.space();
        if self.pos < self.bytes.len() {
            return self.expected("the end of the text");
        }
        sink.document_end(false)
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.pos).copied()
    }

    #[inline]
    fn space(&mut self) {
        while let Some(b' ' | b'\n' | b'\t' | b'\r') = self.peek() {
            self.pos += 1;
        }
    }

    fn expected<T>(&self, what: &str) -> Step<T> {
        let found = self.text[self.pos..].chars().next().map_or("the text ends".to_owned(), |c| format!("`{}` stands", c.escape_default()));
        refuse(self.pos, format!("not valid JSON: {found} where {what} is expected"))
    }

    /// Reads a value; of a map or list that is not empty only up to its first scalar.
    fn value(&mut self, sink: &mut ValueBuilder<'_>) -> Step {
        loop {
            let at = self.pos;
            let value = match self.peek() {
                Some(b'"') => match self.string()? {
                    Cow::Borrowed(text) => text.into(),
                    Cow::Owned(text) => text.into(),
                },
                Some(b'-' | b'0'..=b'9') => Value::Number(self.number()?),
                Some(b'{') => {
                    sink.map_start(at, Properties::default())?;
                    if self.opened(b'}') {
                        return self.close(sink);
                    }
                    self.key(sink)?;
                    continue;
                }
                Some(b'[') => {
                    sink.list_start(at, Properties::default())?;
                    if self.opened(b']') {
                        return self.close(sink);
                    }
                    continue;
                }
                _ => self.word()?,
            };
            sink.value(value);
            return Ok(());
        }
    }

    /// Notes an opening bracket, and says whether the closing one follows at once.
    fn opened(&mut self, close: u8) -> bool {
        self.open.push(close);
        self.pos += 1;
        self.space();
        self.peek() == Some(close)
    }

    fn close(&mut self, sink: &mut ValueBuilder<'_>) -> Step {
        self.pos += 1;
        if self.open.pop() == Some(b'}') { sink.map_end() } else { sink.list_end() }
    }

    /// Reads a key with its colon, up to the value.
    fn key(&mut self, sink: &mut ValueBuilder<'_>) -> Step {
        let at = self.pos;
        if self.peek() != Some(b'"') {
            return self.expected("a key in double quotes");
        }
        let key = match self.string()? {
            Cow::Borrowed(text) => text.into(),
            Cow::Owned(text) => text.into(),
        };
        sink.plain_key(at, key);
        self.space();
        if self.peek() != Some(b':') {
            return self.expected("`:`");
        }
        self.pos += 1;
        self.space();
        Ok(())
    }

    fn word(&mut self) -> Step<Value> {
        let words = [("true", Value::Bool(true)), ("false", Value::Bool(false)), ("null", Value::Null)];
        for (word, value) in words {
            if self.bytes[self.pos..].starts_with(word.as_bytes()) {
                self.pos += word.len();
                return Ok(value);
            }
        }
        self.expected("a value")
    }

    fn number(&mut self) -> Step<Number> {
        let start = self.pos;
        self.pos += usize::from(self.peek() == Some(b'-'));
        if self.peek() == Some(b'0') {
            self.pos += 1;
        } else {
            self.digits()?;
        }
        let mut whole = true;
        if self.peek() == Some(b'.') {
            self.pos += 1;
            self.digits()?;
            whole = false;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.pos += 1;
            self.pos += usize::from(matches!(self.peek(), Some(b'+' | b'-')));
            self.digits()?;
            whole = false;
        }
        let text = &self.text[start..self.pos];
        if whole && let Ok(n) = text.parse() {
            return Ok(Number::Int(n));
        }
        if whole && let Ok(n) = text.parse() {
            return Ok(Number::UInt(n));
        }
        match text.parse::<f64>() {
            Ok(n) if n.is_finite() => Ok(Number::Float(n)),
            _ => refuse(start, format!("the number {text} is beyond the range of doubles: quote it")),
        }
    }

    fn digits(&mut self) -> Step {
        let start = self.pos;
        while let Some(b'0'..=b'9') = self.peek() {
            self.pos += 1;
        }
        if self.pos == start { self.expected("a digit") } else { Ok(()) }
    }

    #[inline]
    fn string(&mut self) -> Step<Cow<'t, str>> {
        let start = self.pos + 1;
        let end = self.run(start);
        self.pos = end;
        if self.peek() == Some(b'"') {
            self.pos += 1;
            return Ok(Cow::Borrowed(&self.text[start..end]));
        }
        self.escaped_string(start).map(Cow::Owned)
    }

    /// Where the characters that stand for themselves end.
    #[inline]
    fn run(&self, from: usize) -> usize {
        let special = |b: &u8| *b == b'"' || *b == b'\\' || *b < 0x20;
        self.bytes[from..].iter().position(special).map_or(self.bytes.len(), |n| from + n)
    }

    fn escaped_string(&mut self, start: usize) -> Step<String> {
        let mut out = String::from(&self.text[start..self.pos]);
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.pos += 1;
                    return Ok(out);
                }
                Some(b'\\') => out.push(self.escape()?),
                None => return self.expected("a closing quote"),
                Some(b) => {
                    return refuse(self.pos, format!("not valid JSON: the control character U+{b:04X} must be written as an escape"));
                }
            }
            let end = self.run(self.pos);
            out.push_str(&self.text[self.pos..end]);
            self.pos = end;
        }
    }

    fn escape(&mut self) -> Step<char> {
        let at = self.pos;
        self.pos += 2;
        Ok(match self.bytes.get(at + 1) {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\x08',
            Some(b'f') => '\x0C',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                let high = self.hex()?;
                let code = match high {
                    0xD800..0xDC00 if self.bytes[self.pos..].starts_with(b"\\u") => {
                        self.pos += 2;
                        match self.hex()? {
                            low @ 0xDC00..0xE000 => 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00),
                            _ => high,
                        }
                    }
                    _ => high,
                };
                match char::from_u32(code) {
                    Some(c) => c,
                    None => return refuse(at, "half of a surrogate pair stands alone: write the character itself"),
                }
            }
            _ => {
                self.pos = at;
                return refuse(at, "not valid JSON: no such escape; a backslash is written as two");
            }
        })
    }

    fn hex(&mut self) -> Step<u32> {
        let digits = self.bytes.get(self.pos..self.pos + 4);
        let code = digits.and_then(|digits| digits.iter().try_fold(0, |n, &b| Some(n << 4 | char::from(b).to_digit(16)?)));
        let Some(code) = code else { return refuse(self.pos, "not valid JSON: `\\u` wants four hexadecimal digits") };
        self.pos += 4;
        Ok(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Value {
        parse(text.as_bytes(), "f.json").expect("it is JSON")
    }

    fn refused(text: &str) -> String {
        parse(text.as_bytes(), "f.json").expect_err("it is not JSON").to_string()
    }

    #[test]
    fn values_and_numbers() {
        let v = read(
            " {\"a\" : [1, -0, 9223372036854775808, -9223372036854775808, 1.5e3, 18446744073709551616, {}, []], \"b\": [true,false,null]}\n",
        );
        let Some(list) = v["a"].as_list() else { panic!("a list") };
        assert!(matches!(list[2], Value::Number(Number::UInt(9_223_372_036_854_775_808))));
        assert!(matches!(list[3], Value::Number(Number::Int(i64::MIN))));
        assert!(matches!(list[5], Value::Number(Number::Float(n)) if n == 18_446_744_073_709_551_616.0));
        assert_eq!(crate::json::print(&v["b"]), "[true,false,null]");
        assert_eq!((read("\"\\ud83d\\ude00\\n\\u00e9é\""), read("7")), ("😀\né\u{e9}".into(), 7.into()));
    }

    #[test]
    fn what_is_not_json_is_refused_with_its_place() {
        assert_eq!(refused("{\n \"é\": 01}"), "f.json:2:8: not valid JSON: `1` stands where `,` or `}` is expected");
        let wrong = [
            "",
            " ",
            "[1,]",
            "{\"a\":1,}",
            "{a:1}",
            "[1 2]",
            "1 2",
            "+1",
            ".5",
            "1.",
            "1e",
            "-",
            "tru",
            "nulll",
            "'a'",
            "\"a",
            "\"\\x\"",
            "\"\\u12\"",
            "\"\\ud800\"",
            "\"\\ud800\\u0041\"",
            "\"\n\"",
            "[",
            "{\"a\"",
            "{\"a\":",
            "]",
            "1e999",
            "// c\n1",
            "\u{feff}\u{feff}1",
            "NaN",
        ];
        for text in wrong {
            assert!(refused(text).starts_with("f.json:1:"), "{text}");
        }
        assert!(refused(&"[".repeat(100_000)).contains("nested deeper than 200"));
    }

    #[test]
    fn equal_keys_follow_the_option() {
        let text = b"{\"a\": 1,\n \"b\": 2, \"a\": 3}";
        assert_eq!(parse(text, "").expect("the last wins")["a"], 3.into());
        let refused = parse_with(text, "f.json", &ParseOptions::default()).expect_err("equal keys").to_string();
        assert!(refused.starts_with("f.json:2:10: the key `a` stands twice, first at line 1, column 2"), "{refused}");
    }
}
