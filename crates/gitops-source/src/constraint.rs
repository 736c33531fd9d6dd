//! Semver constraints in the dialect of Argo CD (that of the Go library Masterminds/semver).
//!
//! A constraint is a list of groups joined by `||`; a group is a list of comparisons joined by commas or spaces, all of
//! which must hold. Comparisons: `=`, `!=`, `>`, `<`, `>=` (`=>`), `<=` (`=<`), `~` (`~>`), `^`, `1.2 - 1.4`, and `x`, `X` or
//! `*` for any number. Missing parts are wildcards: `>1.2` means from 1.3.0, `<=1.2` means below 1.3.0.
//! A pre-release fits only a group that names a pre-release itself. Build data is not compared.
//! Versions are read leniently: a leading `v`, missing parts are 0.

use semver::{BuildMetadata, Prerelease, Version};

/// Reads a version leniently: `v1`, `1.2`, `1.2.3-rc.1+build`.
pub(crate) fn parse_version(text: &str) -> Option<Version> {
    let partial = Partial::parse(text)?;
    let (Some(minor), Some(patch)) = (partial.minor.or(Some(0)), partial.patch.or(Some(0))) else { return None };
    // A wildcard is no version.
    if partial.has_wildcard {
        return None;
    }
    Some(Version { major: partial.major?, minor, patch, pre: partial.pre, build: partial.build })
}

struct Partial {
    major: Option<u64>,
    minor: Option<u64>,
    patch: Option<u64>,
    pre: Prerelease,
    build: BuildMetadata,
    has_wildcard: bool,
}

impl Partial {
    fn parse(text: &str) -> Option<Partial> {
        let text = text.strip_prefix('v').unwrap_or(text);
        let (text, build) = text.split_once('+').map_or((text, ""), |(t, b)| (t, b));
        let (numbers, pre) = text.split_once('-').map_or((text, ""), |(n, p)| (n, p));
        let has_empty_suffix = text.ends_with('-');
        let mut parts = [None; 3];
        let mut has_wildcard = false;
        for (index, part) in numbers.split('.').enumerate() {
            let slot = parts.get_mut(index)?;
            if matches!(part, "x" | "X" | "*") {
                has_wildcard = true;
            } else if has_wildcard || part.is_empty() || !part.bytes().all(|b| b.is_ascii_digit()) {
                return None;
            } else {
                *slot = Some(part.parse().ok()?);
            }
        }
        if has_empty_suffix {
            return None;
        }
        let [major, minor, patch] = parts;
        let (pre, build) = (Prerelease::new(pre).ok()?, BuildMetadata::new(build).ok()?);
        Some(Partial { major, minor, patch, pre, build, has_wildcard })
    }

    fn lowest(&self) -> Version {
        let part = |p: Option<u64>| p.unwrap_or(0);
        Version { pre: self.pre.clone(), ..Version::new(part(self.major), part(self.minor), part(self.patch)) }
    }

    /// The first version after all that begin with the given parts; `None` when nothing is given.
    fn next_sibling(&self) -> Option<Version> {
        let major = self.major?;
        Some(match (self.minor, self.patch) {
            (None, _) => Version::new(major.saturating_add(1), 0, 0),
            (Some(minor), None) => Version::new(major, minor.saturating_add(1), 0),
            (Some(minor), Some(patch)) => Version::new(major, minor, patch.saturating_add(1)),
        })
    }

    fn is_partial(&self) -> bool {
        self.patch.is_none()
    }
}

/// From the lower bound (inclusive) to the upper (exclusive), or everything else.
struct Span {
    from: Version,
    below: Option<Version>,
    /// The upper bound itself belongs to it.
    includes_upper: bool,
    inverted: bool,
}

impl Span {
    fn holds(&self, version: &Version) -> bool {
        let above = version.cmp_precedence(&self.from).is_ge();
        let below = self.below.as_ref().is_none_or(|upper| {
            let order = version.cmp_precedence(upper);
            order.is_lt() || (self.includes_upper && order.is_eq())
        });
        (above && below) != self.inverted
    }
}

struct Group {
    spans: Vec<Span>,
    names_prerelease: bool,
}

/// A semver constraint.
pub(crate) struct Constraint {
    groups: Vec<Group>,
}

impl Constraint {
    /// Reads one; `None` for what is none. An exact version is one too: ask [`parse_version`] first.
    pub(crate) fn parse(text: &str) -> Option<Constraint> {
        let groups = text.split("||").map(parse_group).collect::<Option<Vec<_>>>()?;
        Some(Constraint { groups })
    }

    /// Whether it allows `version`.
    pub(crate) fn holds(&self, version: &Version) -> bool {
        self.groups
            .iter()
            .any(|group| (version.pre.is_empty() || group.names_prerelease) && group.spans.iter().all(|span| span.holds(version)))
    }

    /// The highest of `tags` that it allows; the first of equals. What is no version is passed over.
    pub(crate) fn highest<'a>(&self, tags: impl Iterator<Item = &'a str>) -> Option<&'a str> {
        let mut best: Option<(Version, &str)> = None;
        for tag in tags {
            let Some(version) = parse_version(tag).filter(|v| self.holds(v)) else { continue };
            if best.as_ref().is_none_or(|(b, _)| version.cmp_precedence(b).is_gt()) {
                best = Some((version, tag));
            }
        }
        best.map(|(_, tag)| tag)
    }
}

const OPERATORS: [&str; 11] = ["!=", ">=", "=>", "<=", "=<", "~>", ">", "<", "~", "^", "="];

fn parse_group(text: &str) -> Option<Group> {
    let spaced = text.replace(',', " ");
    let mut words = spaced.split_whitespace().peekable();
    let mut group = Group { spans: Vec::new(), names_prerelease: false };
    while let Some(word) = words.next() {
        let operator = OPERATORS.into_iter().find(|op| word.starts_with(op)).unwrap_or("");
        let rest = &word[operator.len()..];
        // The number may stand apart from its operator.
        let number = if rest.is_empty() { words.next()? } else { rest };
        let partial = Partial::parse(number)?;
        group.names_prerelease |= !partial.pre.is_empty();
        if operator.is_empty() && words.peek() == Some(&"-") {
            words.next();
            let upper = Partial::parse(words.next()?)?;
            group.names_prerelease |= !upper.pre.is_empty();
            group.spans.push(span(">=", &partial));
            group.spans.push(span("<=", &upper));
            continue;
        }
        group.spans.push(span(operator, &partial));
    }
    (!group.spans.is_empty()).then_some(group)
}

fn span(operator: &str, given: &Partial) -> Span {
    // With no number given (`*`, `>=x`) everything fits, but for the operators that then leave nothing.
    let zero = || Version { pre: Prerelease::new("0").unwrap_or(Prerelease::EMPTY), ..Version::new(0, 0, 0) };
    let lowest = given.lowest();
    let range = |from, below| Span { from, below, includes_upper: false, inverted: false };
    let sibling = || given.next_sibling();
    match operator {
        ">" if given.major.is_none() => range(zero(), Some(zero())),
        ">" if given.is_partial() => range(sibling().unwrap_or_else(zero), None),
        ">" => Span { below: Some(lowest), from: zero(), includes_upper: true, inverted: true },
        ">=" | "=>" => range(lowest, None),
        "<" => range(zero(), Some(lowest)),
        "<=" | "=<" if given.is_partial() => range(zero(), sibling()),
        "<=" | "=<" => Span { below: Some(lowest), from: zero(), includes_upper: true, inverted: false },
        "~" | "~>" => {
            let minor_only = given.minor.is_some();
            let below = given.major.map(|major| match given.minor.filter(|_| minor_only) {
                Some(minor) => Version::new(major, minor.saturating_add(1), 0),
                None => Version::new(major.saturating_add(1), 0, 0),
            });
            range(lowest, below)
        }
        "^" => range(lowest, caret_upper(given)),
        "!=" if given.is_partial() => Span { inverted: true, ..range(lowest, sibling()) },
        "!=" => Span { from: lowest.clone(), below: Some(lowest), includes_upper: true, inverted: true },
        _ if given.is_partial() => range(lowest, sibling()),
        _ => Span { from: lowest.clone(), below: Some(lowest), includes_upper: true, inverted: false },
    }
}

/// Up to the next change of the first part that is not 0.
fn caret_upper(given: &Partial) -> Option<Version> {
    let major = given.major?;
    Some(match (major, given.minor, given.patch) {
        (0, Some(0), Some(patch)) => Version::new(0, 0, patch.saturating_add(1)),
        (0, Some(minor), _) => Version::new(0, minor.saturating_add(1), 0),
        (major, _, _) => Version::new(major.saturating_add(1), 0, 0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(constraint: &str, version: &str) -> bool {
        Constraint::parse(constraint).unwrap().holds(&parse_version(version).unwrap())
    }

    #[test]
    fn every_operator() {
        let table = [
            ("1.2.x", "1.2.9", true),
            ("1.2.x", "1.3.0", false),
            ("1.*", "1.9.0", true),
            ("*", "7.1.0", true),
            ("^1.2.3", "1.9.0", true),
            ("^1.2.3", "1.2.2", false),
            ("^1.2.3", "2.0.0", false),
            ("^0.2.3", "0.2.9", true),
            ("^0.2.3", "0.3.0", false),
            ("^0.0.3", "0.0.4", false),
            ("^0", "0.9.0", true),
            ("~1.2.3", "1.2.9", true),
            ("~1.2.3", "1.3.0", false),
            ("~1", "1.9.0", true),
            ("~1", "2.0.0", false),
            (">1.2", "1.2.9", false),
            (">1.2", "1.3.0", true),
            (">1.2.3", "1.2.4", true),
            (">1.2.3", "1.2.3", false),
            ("<=1.2", "1.2.9", true),
            ("<=1.2", "1.3.0", false),
            ("=<1.2.3", "1.2.3", true),
            ("<1.2", "1.1.9", true),
            (">=1.2 <2", "1.5.0", true),
            (">= 1.2, < 2", "2.0.0", false),
            ("1.2 - 1.4.5", "1.4.5", true),
            ("1.2 - 1.4.5", "1.4.6", false),
            ("<1 || >=3", "2.0.0", false),
            ("<1 || >=3", "3.0.0", true),
            ("!=1.2.3", "1.2.3", false),
            ("!=1.2.3", "1.2.4", true),
            ("!=1.2.x", "1.2.4", false),
            ("=1.2.3", "1.2.3+build", true),
            (">*", "1.0.0", false),
        ];
        for (constraint, version, wanted) in table {
            assert_eq!(holds(constraint, version), wanted, "{constraint} {version}");
        }
    }

    #[test]
    fn prereleases_fit_only_where_one_is_named() {
        assert!(!holds(">=1.0.0", "1.1.0-rc.1"));
        assert!(holds(">=1.0.0-0", "1.1.0-rc.1"));
        assert!(holds(">=1.0.0-0 <2", "1.1.0-rc.1"), "one in the group is enough");
        assert!(!holds("*", "1.0.0-alpha"));
        assert!(!holds(">=1.0.0-0 || <1", "0.1.0-rc.1"), "not of another group");
    }

    #[test]
    fn versions_are_read_leniently() {
        for (text, wanted) in [("v1", "1.0.0"), ("1.2", "1.2.0"), ("v1.2.3-rc.1+b", "1.2.3-rc.1+b")] {
            assert_eq!(parse_version(text).map(|v| v.to_string()).as_deref(), Some(wanted));
        }
        for text in ["", "v", "main", "1.2.3.4", "1..2", "1.x", "1.2-", "99999999999999999999", "release-1"] {
            assert!(parse_version(text).is_none(), "{text}");
        }
    }

    #[test]
    fn what_is_no_constraint() {
        for text in ["main", "HEAD", "", "feature/x", ">=", "refs/tags/v1", "1.2 -", "||"] {
            assert!(Constraint::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn the_highest_tag_wins_and_other_tags_are_passed_over() {
        let tags = ["latest", "v1.10.0", "v1.9.0", "v2.0.0-rc.1", "v1.10.0+other"];
        assert_eq!(Constraint::parse("^1").unwrap().highest(tags.into_iter()), Some("v1.10.0"));
        assert_eq!(Constraint::parse(">=1-0").unwrap().highest(tags.into_iter()), Some("v2.0.0-rc.1"));
        assert_eq!(Constraint::parse("^3").unwrap().highest(tags.into_iter()), None);
    }
}
