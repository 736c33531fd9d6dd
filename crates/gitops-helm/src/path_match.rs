//! Go's `path.Match`: the patterns of `.helmignore` and of `--show-only`.
//!
//! `*` and `?` stop at `/`; `[a-z]` and `[^a-z]` match one character but never `/`; `\` takes the next as it is. A bad
//! pattern is found out before any name is looked at, as `.helmignore` needs it.

/// The pattern is not well-formed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BadPattern;

/// A pattern that is well-formed.
#[derive(Clone, Debug)]
pub(crate) struct PathPattern {
    parts: Vec<Part>,
}

#[derive(Clone, Debug)]
enum Part {
    Star,
    One,
    Char(char),
    Set { ranges: Vec<(char, char)>, not: bool },
}

impl PathPattern {
    pub(crate) fn parse(pattern: &str) -> Result<PathPattern, BadPattern> {
        let chars: Vec<char> = pattern.chars().collect();
        let (mut parts, mut at) = (Vec::new(), 0);
        while at < chars.len() {
            let c = chars[at];
            at += 1;
            match c {
                '*' => {
                    if !matches!(parts.last(), Some(Part::Star)) {
                        parts.push(Part::Star);
                    }
                }
                '?' => parts.push(Part::One),
                '[' => parts.push(set(&chars, &mut at)?),
                '\\' => {
                    parts.push(Part::Char(*chars.get(at).ok_or(BadPattern)?));
                    at += 1;
                }
                c => parts.push(Part::Char(c)),
            }
        }
        Ok(PathPattern { parts })
    }

    /// Whether the whole of `name` matches. Only the last star is ever tried again, which is enough because a star before
    /// it could only be longer, and no star crosses a `/`.
    pub(crate) fn matches(&self, name: &str) -> bool {
        let name: Vec<char> = name.chars().collect();
        let (mut part, mut at) = (0, 0);
        let mut retry: Option<(usize, usize)> = None;
        loop {
            if part == self.parts.len() && at == name.len() {
                return true;
            }
            match self.parts.get(part) {
                Some(Part::Star) => {
                    retry = Some((part, at));
                    part += 1;
                    continue;
                }
                Some(one) if at < name.len() && one.fits(name[at]) => {
                    (part, at) = (part + 1, at + 1);
                    continue;
                }
                _ => {}
            }
            match retry {
                Some((star, from)) if from < name.len() && name[from] != '/' => {
                    retry = Some((star, from + 1));
                    (part, at) = (star + 1, from + 1);
                }
                _ => return false,
            }
        }
    }
}

impl Part {
    fn fits(&self, c: char) -> bool {
        match self {
            Part::Star => false,
            Part::One => c != '/',
            Part::Char(want) => *want == c,
            Part::Set { ranges, not } => c != '/' && ranges.iter().any(|(low, high)| (*low..=*high).contains(&c)) != *not,
        }
    }
}

fn set(chars: &[char], at: &mut usize) -> Result<Part, BadPattern> {
    let not = chars.get(*at) == Some(&'^');
    *at += usize::from(not);
    let mut ranges = Vec::new();
    loop {
        if chars.get(*at) == Some(&']') && !ranges.is_empty() {
            *at += 1;
            return Ok(Part::Set { ranges, not });
        }
        let low = member(chars, at)?;
        let mut high = low;
        if chars.get(*at) == Some(&'-') {
            *at += 1;
            high = member(chars, at)?;
        }
        ranges.push((low, high));
    }
}

fn member(chars: &[char], at: &mut usize) -> Result<char, BadPattern> {
    let mut c = *chars.get(*at).ok_or(BadPattern)?;
    if c == '-' || c == ']' {
        return Err(BadPattern);
    }
    *at += 1;
    if c == '\\' {
        c = *chars.get(*at).ok_or(BadPattern)?;
        *at += 1;
    }
    // A set must be closed: its last member is no end of the pattern.
    if *at >= chars.len() { Err(BadPattern) } else { Ok(c) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_go_matches() {
        let hits = |pattern: &str, name: &str| PathPattern::parse(pattern).map(|p| p.matches(name));
        assert_eq!(hits("*.txt", "a.txt"), Ok(true));
        assert_eq!(hits("*.txt", "d/a.txt"), Ok(false));
        assert_eq!(hits("a*/b", "abc/b"), Ok(true));
        assert_eq!(hits("a*/b", "a/c/b"), Ok(false));
        assert_eq!(hits("a*b?c*x", "abxbbxdbxebxczzx"), Ok(true));
        assert_eq!(hits("[^a]", "b"), Ok(true));
        assert_eq!(hits("[x-]", "a"), Err(BadPattern));
        assert_eq!(hits("[]a]", "]"), Err(BadPattern));
        assert_eq!(hits("a[", "ab"), Err(BadPattern));
        assert_eq!(hits("\\*", "*"), Ok(true));
        assert_eq!(hits("*", ""), Ok(true));
        assert_eq!(hits("templates/.?*", "templates/.x"), Ok(true));
    }
}
