//! Globs of `.Files.Glob`: the syntax and the choices of gobwas/glob v0.2.3, with `/` as the separator.
//!
//! `*` and `?` stop at `/`, `**` does not, `[abc]`, `[!abc]` and `[a-c]` match any one character (also `/`), `{a,b}` are
//! alternatives and nest, `\` takes the next character as it is. A pattern that does not parse matches everything, as in
//! Helm. Matching walks all alternatives at once, so its time is bounded by pattern times path.

/// A compiled pattern.
pub(crate) struct Glob {
    program: Vec<Step>,
}

enum Step {
    Char(char),
    /// One character; any at all, or any but `/`.
    One {
        slash: bool,
    },
    Set {
        members: Members,
        not: bool,
    },
    /// Go on at both places.
    Fork(usize, usize),
    Jump(usize),
    Done,
}

enum Members {
    List(Vec<char>),
    Range(char, char),
}

/// A `{` that is open: where its fork stands and the jumps that wait for its end.
struct Open {
    fork: usize,
    jumps: Vec<usize>,
}

impl Glob {
    /// Reads a pattern; `None` when it is none.
    pub(crate) fn parse(pattern: &str) -> Option<Glob> {
        let mut reader = Reader { chars: pattern.chars().collect(), at: 0 };
        let mut program = Vec::new();
        let mut open: Vec<Open> = Vec::new();
        while let Some(c) = reader.next() {
            match c {
                '\0' => break,
                '{' => {
                    open.push(Open { fork: program.len(), jumps: Vec::new() });
                    program.push(Step::Fork(program.len() + 1, usize::MAX));
                }
                ',' if !open.is_empty() => next_alternative(&mut program, &mut open),
                '}' if !open.is_empty() => close(&mut program, open.pop()?),
                '[' => program.push(reader.set()?),
                '?' => program.push(Step::One { slash: false }),
                '*' => {
                    let slash = reader.skip_if('*');
                    let here = program.len();
                    program.push(Step::Fork(here + 1, here + 3));
                    program.push(Step::One { slash });
                    program.push(Step::Jump(here));
                }
                '\\' => program.extend(reader.next().map(Step::Char)),
                c => program.push(Step::Char(c)),
            }
        }
        // An alternative that is never closed ends with the pattern.
        while let Some(o) = open.pop() {
            close(&mut program, o);
        }
        program.push(Step::Done);
        Some(Glob { program })
    }

    /// Whether the whole of `path` matches.
    pub(crate) fn matches(&self, path: &str) -> bool {
        let mut now = Vec::new();
        let mut seen = vec![0usize; self.program.len()];
        self.follow(0, 1, &mut seen, &mut now);
        for (i, c) in path.chars().enumerate() {
            let mut next = Vec::new();
            for &at in &now {
                let fits = match &self.program[at] {
                    Step::Char(want) => *want == c,
                    Step::One { slash } => *slash || c != '/',
                    Step::Set { members, not } => members.has(c) != *not,
                    Step::Fork(..) | Step::Jump(_) | Step::Done => false,
                };
                if fits {
                    self.follow(at + 1, i + 2, &mut seen, &mut next);
                }
            }
            now = next;
        }
        now.iter().any(|&at| matches!(self.program[at], Step::Done))
    }

    /// Adds all places that can be reached from `from` without a character.
    fn follow(&self, from: usize, round: usize, seen: &mut [usize], places: &mut Vec<usize>) {
        let mut pending = vec![from];
        while let Some(at) = pending.pop() {
            if std::mem::replace(&mut seen[at], round) == round {
                continue;
            }
            match self.program[at] {
                Step::Fork(a, b) => pending.extend([a, b]),
                Step::Jump(to) => pending.push(to),
                _ => places.push(at),
            }
        }
    }
}

impl Members {
    fn has(&self, c: char) -> bool {
        match self {
            Members::List(list) => list.contains(&c),
            Members::Range(low, high) => (*low..=*high).contains(&c),
        }
    }
}

fn next_alternative(program: &mut Vec<Step>, open: &mut [Open]) {
    let Some(o) = open.last_mut() else { return };
    o.jumps.push(program.len());
    program.push(Step::Jump(usize::MAX));
    let here = program.len();
    if let Step::Fork(_, other) = &mut program[o.fork] {
        *other = here;
    }
    o.fork = here;
    program.push(Step::Fork(here + 1, usize::MAX));
}

/// The last alternative's fork has only one way, and all jumps lead here.
fn close(program: &mut [Step], open: Open) {
    let here = program.len();
    if let Step::Fork(first, other) = &mut program[open.fork] {
        *other = *first;
    }
    for jump in open.jumps {
        program[jump] = Step::Jump(here);
    }
}

struct Reader {
    chars: Vec<char>,
    at: usize,
}

impl Reader {
    fn next(&mut self) -> Option<char> {
        let c = self.chars.get(self.at).copied();
        self.at += usize::from(c.is_some());
        c
    }

    fn skip_if(&mut self, c: char) -> bool {
        let there = self.chars.get(self.at) == Some(&c);
        self.at += usize::from(there);
        there
    }

    /// What follows a `[`.
    fn set(&mut self) -> Option<Step> {
        let not = self.skip_if('!');
        let first = *self.chars.get(self.at)?;
        if self.chars.get(self.at + 1) == Some(&'-') {
            self.at += 2;
            let high = self.next()?;
            return (self.next()? == ']' && high >= first).then_some(Step::Set { members: Members::Range(first, high), not });
        }
        let mut list = Vec::new();
        loop {
            match self.next()? {
                ']' => break,
                '\\' => list.push(self.next()?),
                c => list.push(c),
            }
        }
        (!list.is_empty()).then_some(Step::Set { members: Members::List(list), not })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hits(pattern: &str, path: &str) -> bool {
        Glob::parse(pattern).expect("a pattern").matches(path)
    }

    #[test]
    fn stars_and_slashes() {
        assert!(hits("conf/*", "conf/a.txt"));
        assert!(!hits("conf/*", "conf/d/a.txt"));
        assert!(hits("conf/**", "conf/d/a.txt"));
        assert!(hits("**.yaml", "a/b.yaml"));
        assert!(!hits("**/*.yaml", "b.yaml"));
        assert!(hits("?.txt", "é.txt"));
        assert!(hits("a[!b]c", "a/c"));
    }

    #[test]
    fn alternatives_nest() {
        for path in ["a", "bc", "bd", "e"] {
            assert!(hits("{a,b{c,d},e}", path), "{path}");
        }
        assert!(!hits("{a,b{c,d},e}", "b"));
        assert!(hits("x{,y}", "x") && hits("x{,y}", "xy"));
        assert!(hits("{a,b", "b"), "an open brace ends with the pattern");
        assert!(hits("a,b}", "a,b}"));
    }

    #[test]
    fn broken_patterns_are_none() {
        for pattern in ["[", "[a", "[]", "[b-a]", "[a-]"] {
            assert!(Glob::parse(pattern).is_none(), "{pattern}");
        }
    }

    #[test]
    fn many_stars_are_no_trap() {
        let pattern = "*a".repeat(60);
        assert!(!hits(&pattern, &"a".repeat(59)));
        assert!(hits(&pattern, &"ba".repeat(60)));
    }
}
