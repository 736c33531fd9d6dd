//! YAML out: byte for byte what sigs.k8s.io/yaml v1.6 prints, which Helm, Argo CD and kubectl print with.
//!
//! Shape: block style, two spaces of indent, lists at the column of their key, `{}` and `[]` when empty, keys in natural
//! order ([`order`]), strings quoted only where the plain form would not read back as that string ([`style`]), text of
//! several lines as `|`, other long text folded after column 80 ([`scalar`]).
//! Source of the rules: the YAML 1.1 emitter of go.yaml.in/yaml/v2 v2.4, by experiment and by reading; `tests/recorded/print.jsonl`
//! holds its recorded answers.
//!
//! Where the reference is not a function of its input, or loses data, ours is and does not: keys that its order puts in a
//! circle (`a10`, `a1b`, `a9`) start from byte order; characters that do not survive its pass through JSON (NEL is read
//! back as a space; DEL is refused) are escaped as its emitter would escape them; `.nan` and `.inf`, which JSON has not,
//! are printed as go-yaml prints them.
//!
//! One thing of the reference's that we keep does not read back: a key `<<` is written plain, and reads as a merge.

mod order;
mod resolve;
mod scalar;
mod style;

use std::fmt::Write as _;

use crate::{Map, Number, Str, Value, float};

/// Prints one document as Kubernetes' Go libraries do (sigs.k8s.io/yaml), with a newline at its end.
pub fn print(value: &Value) -> String {
    let mut out = String::new();
    print_to(value, &mut out);
    out
}

/// Prints one document after what `out` holds, which must be empty or end with a newline.
pub fn print_to(value: &Value, out: &mut String) {
    let mut emitter = Emitter::new(out);
    emitter.node(value, false);
    emitter.break_and_indent();
}

/// Prints documents with `---` lines between them.
pub fn print_all<'v>(values: impl IntoIterator<Item = &'v Value>) -> String {
    let mut out = String::new();
    for (i, value) in values.into_iter().enumerate() {
        if i > 0 {
            out.push_str("---\n");
        }
        print_to(value, &mut out);
    }
    out
}

/// The entries of a map in the order in which it is printed.
pub fn in_print_order(map: &Map) -> Vec<(&Str, &Value)> {
    let mut entries: Vec<_> = map.iter().collect();
    if !order::is_natural(map) {
        order::sort(&mut entries);
    }
    entries
}

const INDENT: isize = 2;

/// Where we are on the page. Invariant: `column` is exact whenever a scalar starts; after a value that ended inside a line
/// it may be stale, because `fresh` is false then and the next line starts anew whatever the column.
struct Emitter<'v, 'o> {
    out: &'o mut String,
    /// Characters (not bytes) since the line began.
    column: usize,
    /// Column of the block that is open; -1 outside all.
    indent: isize,
    /// The last thing written separates: no space is needed before the next.
    spaced: bool,
    /// Nothing but indentation and `-`, `?`, `:` marks stands on this line, so that a block may start on it.
    fresh: bool,
    /// Entries of the maps that are open and whose keys had to be sorted; one buffer for all levels.
    sorted: Vec<(&'v Str, &'v Value)>,
}

impl<'v, 'o> Emitter<'v, 'o> {
    fn new(out: &'o mut String) -> Emitter<'v, 'o> {
        Emitter { out, column: 0, indent: -1, spaced: true, fresh: true, sorted: Vec::new() }
    }

    /// `in_map`: the node is a value (or long key) of a map, so that a list may stand at the map's own column.
    fn node(&mut self, value: &'v Value, in_map: bool) {
        match value {
            Value::Null => self.bare("null"),
            Value::Bool(true) => self.bare("true"),
            Value::Bool(false) => self.bare("false"),
            Value::Number(n) => self.number(*n),
            Value::String(s) => self.text(s, style::choose(s).0, true),
            Value::List(l) if l.is_empty() => self.bare("[]"),
            Value::List(l) => self.list(l, in_map),
            Value::Map(m) if m.is_empty() => self.bare("{}"),
            Value::Map(m) => self.map(m),
        }
    }

    fn list(&mut self, items: &'v [Value], in_map: bool) {
        let outer = self.indent;
        self.open_block(in_map && !self.fresh);
        for item in items {
            self.break_and_indent();
            self.mark('-');
            self.node(item, false);
        }
        self.indent = outer;
    }

    fn map(&mut self, map: &'v Map) {
        let outer = self.indent;
        self.open_block(false);
        if order::is_natural(map) {
            for (key, value) in map.iter() {
                self.entry(key, value);
            }
        } else {
            let start = self.sorted.len();
            self.sorted.extend(map.iter());
            order::sort(&mut self.sorted[start..]);
            for i in start..self.sorted.len() {
                let (key, value) = self.sorted[i];
                self.entry(key, value);
            }
            self.sorted.truncate(start);
        }
        self.indent = outer;
    }

    fn entry(&mut self, key: &'v str, value: &'v Value) {
        self.break_and_indent();
        let (style, several_lines) = style::choose(key);
        // Longer keys cannot be read back as simple ones.
        if !several_lines && key.len() <= 128 {
            self.text(key, style, false);
            self.out.push(':');
            self.column += 1;
        } else {
            self.mark('?');
            self.text(key, style, true);
            self.break_and_indent();
            self.mark(':');
        }
        self.node(value, true);
    }

    fn open_block(&mut self, at_same_column: bool) {
        if self.indent < 0 {
            self.indent = 0;
        } else if !at_same_column {
            self.indent += INDENT;
        }
    }

    /// A `-`, `?` or `:` that a block may follow on the same line.
    fn mark(&mut self, mark: char) {
        self.separate();
        self.out.push(mark);
        self.column += 1;
        self.spaced = false;
    }

    fn separate(&mut self) {
        if !self.spaced {
            self.out.push(' ');
            self.column += 1;
            self.spaced = true;
        }
    }

    fn ended_in_line(&mut self) {
        self.spaced = false;
        self.fresh = false;
    }

    fn bare(&mut self, text: &str) {
        self.separate();
        self.out.push_str(text);
        self.ended_in_line();
    }

    fn number(&mut self, number: Number) {
        self.separate();
        match number {
            Number::Int(n) => {
                let _ = write!(self.out, "{n}");
            } // Writing to a String cannot fail.
            Number::UInt(n) => {
                let _ = write!(self.out, "{n}");
            }
            Number::Float(n) => float::push_yaml(n, self.out),
        }
        self.ended_in_line();
    }

    /// Starts a new line unless we are on one with nothing behind the place where the block's text begins.
    fn break_and_indent(&mut self) {
        let indent = self.indent.max(0) as usize;
        if !self.fresh || self.column > indent || (self.column == indent && !self.spaced) {
            self.out.push('\n');
            self.column = 0;
        }
        self.pad_to(indent);
        self.spaced = true;
        self.fresh = true;
    }

    fn pad_to(&mut self, column: usize) {
        const SPACES: &str = "                                                                ";
        let mut missing = column.saturating_sub(self.column);
        self.column = self.column.max(column);
        while missing > 0 {
            let n = missing.min(SPACES.len());
            self.out.push_str(&SPACES[..n]);
            missing -= n;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(entries: &[(&str, Value)]) -> Value {
        Value::Map(entries.iter().map(|(k, v)| (*k, v.clone())).collect())
    }

    #[test]
    fn lists_stand_at_the_column_of_their_key() {
        let v = map(&[(
            "a",
            Value::List(vec![map(&[("b", 1.into()), ("c", Value::List(vec!["x".into()]))]), Value::List(vec![2.into(), 3.into()])]),
        )]);
        assert_eq!(print(&v), "a:\n- b: 1\n  c:\n  - x\n- - 2\n  - 3\n");
    }

    #[test]
    fn scalars_at_the_root() {
        assert_eq!(print(&Value::Null), "null\n");
        assert_eq!(print(&map(&[])), "{}\n");
        assert_eq!(print(&"".into()), "\"\"\n");
        assert_eq!(print(&"a\nb\n".into()), "|\n  a\n  b\n");
        assert_eq!(print(&1e21.into()), "1e+21\n");
    }

    #[test]
    fn keys_in_natural_order() {
        let v = map(&[("a10", 1.into()), ("a2", 2.into()), ("B", 3.into()), ("_", 4.into())]);
        assert_eq!(print(&v), "_: 4\nB: 3\na2: 2\na10: 1\n");
    }

    #[test]
    fn several_documents() {
        assert_eq!(print_all(&[1.into(), Value::Null]), "1\n---\nnull\n");
        assert_eq!(print_all(&[]), "");
    }
}
