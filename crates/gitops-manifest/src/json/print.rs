//! JSON out: what Go's `encoding/json` prints for the same value, keys by their bytes.
//!
//! Escapes: `"`, `\`, controls, and U+2028 and U+2029 (which JavaScript once took for line ends). `<`, `>` and `&` stay as
//! they are, unless [`print_html_safe`] is asked. NaN and infinities, which JSON has not, are printed as `null`.

use std::fmt::Write as _;

use crate::{Number, Value, float};

/// Prints compact JSON, keys sorted by bytes: Go's `Marshal` with `SetEscapeHTML(false)`.
pub fn print(value: &Value) -> String {
    let mut out = String::new();
    print_to(value, &mut out);
    out
}

/// Prints compact JSON behind what `out` holds.
pub fn print_to(value: &Value, out: &mut String) {
    Printer { out, indent: None, escape_html: false }.value(value);
}

/// Prints compact JSON with `<`, `>` and `&` written as `\u003c`, `\u003e` and `\u0026`: Go's plain `Marshal`.
pub fn print_html_safe(value: &Value) -> String {
    let mut out = String::new();
    Printer { out: &mut out, indent: None, escape_html: true }.value(value);
    out
}

/// Prints JSON with two spaces of indent, keys sorted by bytes, no newline at the end: Go's `MarshalIndent` with `SetEscapeHTML(false)`.
pub fn print_pretty(value: &Value) -> String {
    let mut out = String::new();
    Printer { out: &mut out, indent: Some(0), escape_html: false }.value(value);
    out
}

/// Like [`print_pretty`], with `<`, `>` and `&` written as [`print_html_safe`] does: Go's plain `MarshalIndent`.
pub fn print_pretty_html_safe(value: &Value) -> String {
    let mut out = String::new();
    Printer { out: &mut out, indent: Some(0), escape_html: true }.value(value);
    out
}

struct Printer<'o> {
    out: &'o mut String,
    /// How deep we are; `None` prints all in one line.
    indent: Option<usize>,
    escape_html: bool,
}

impl Printer<'_> {
    fn value(&mut self, value: &Value) {
        match value {
            Value::Null => self.out.push_str("null"),
            Value::Bool(true) => self.out.push_str("true"),
            Value::Bool(false) => self.out.push_str("false"),
            Value::Number(Number::Int(n)) => {
                let _ = write!(self.out, "{n}");
            } // Writing to a String cannot fail.
            Value::Number(Number::UInt(n)) => {
                let _ = write!(self.out, "{n}");
            }
            Value::Number(Number::Float(n)) => float::push_json(*n, self.out),
            Value::String(s) => self.string(s),
            Value::List(items) => self.within('[', items.iter(), ']', |p, item| p.value(item)),
            Value::Map(map) => self.within('{', map.iter(), '}', |p, (key, value)| {
                p.string(key);
                p.out.push_str(if p.indent.is_some() { ": " } else { ":" });
                p.value(value);
            }),
        }
    }

    fn within<T>(&mut self, open: char, items: impl ExactSizeIterator<Item = T>, close: char, print: impl Fn(&mut Self, T)) {
        self.out.push(open);
        let any = items.len() > 0;
        self.indent = self.indent.map(|n| n + 1);
        for (i, item) in items.enumerate() {
            if i > 0 {
                self.out.push(',');
            }
            self.new_line();
            print(self, item);
        }
        self.indent = self.indent.map(|n| n - 1);
        if any {
            self.new_line();
        }
        self.out.push(close);
    }

    fn new_line(&mut self) {
        if let Some(depth) = self.indent {
            self.out.push('\n');
            self.out.extend(std::iter::repeat_n("  ", depth));
        }
    }

    fn string(&mut self, text: &str) {
        self.out.push('"');
        let mut written = 0;
        for (i, b) in text.bytes().enumerate() {
            let escape = match b {
                0..=0x1f | b'"' | b'\\' => true,
                b'<' | b'>' | b'&' => self.escape_html,
                // The first byte of U+2028 and U+2029; its last byte tells.
                0xe2 => text[i..].starts_with(['\u{2028}', '\u{2029}']),
                _ => false,
            };
            if escape {
                self.out.push_str(&text[written..i]);
                written = i + self.escaped(&text[i..]);
            }
        }
        self.out.push_str(&text[written..]);
        self.out.push('"');
    }

    /// Writes the first character of `text` escaped, and returns its length in bytes.
    fn escaped(&mut self, text: &str) -> usize {
        let Some(c) = text.chars().next() else { return 0 };
        match c {
            '"' => self.out.push_str("\\\""),
            '\\' => self.out.push_str("\\\\"),
            '\x08' => self.out.push_str("\\b"),
            '\x0c' => self.out.push_str("\\f"),
            '\n' => self.out.push_str("\\n"),
            '\r' => self.out.push_str("\\r"),
            '\t' => self.out.push_str("\\t"),
            _ => {
                let _ = write!(self.out, "\\u{:04x}", u32::from(c));
            }
        }
        c.len_utf8()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Map;

    #[test]
    fn escapes_as_go_does() {
        let v = Value::from("a\"\\\u{1}\u{8}\u{c}\n\r\t\u{7f}<&>é\u{2028}😀");
        assert_eq!(print(&v), "\"a\\\"\\\\\\u0001\\b\\f\\n\\r\\t\u{7f}<&>é\\u2028😀\"");
        assert_eq!(print_html_safe(&"<&>".into()), "\"\\u003c\\u0026\\u003e\"");
    }

    #[test]
    fn compact_and_pretty() {
        let inner: Map =
            [("y", Value::List(vec![1.into(), 2.5.into()])), ("x", Value::Null), ("e", Map::new().into()), ("l", Value::List(vec![]))]
                .into_iter()
                .collect();
        let v = Value::Map([("b", Value::Map(inner)), ("B", true.into())].into_iter().collect());
        assert_eq!(print(&v), r#"{"B":true,"b":{"e":{},"l":[],"x":null,"y":[1,2.5]}}"#);
        assert_eq!(
            print_pretty(&v),
            "{\n  \"B\": true,\n  \"b\": {\n    \"e\": {},\n    \"l\": [],\n    \"x\": null,\n    \"y\": [\n      1,\n      2.5\n    ]\n  }\n}"
        );
    }
}
