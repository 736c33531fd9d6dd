//! Semver constraints in the dialect of Argo CD (that of the Go library Masterminds/semver).
//!
//! A constraint is a list of groups joined by `||`; a group is a list of comparisons joined by commas or spaces, all of
//! which must hold. Comparisons: `=`, `!=`, `>`, `<`, `>=` (`=>`), `<=` (`=<`), `~` (`~>`), `^`, `1.2 - 1.4`, and `x`, `X` or
//! `*` for any number. Missing parts are wildcards: `>1.2` means from 1.3.0, `<=1.2` means below 1.3.0.
//! A pre-release fits only a group that names a pre-release itself. Build data is not compared.
//!
//! Its oddities are kept: what stands behind a wildcard is not looked at (`1.x.3` is `1.x`); a wildcard for everything reads
//! as 0.0.0 with an operator (`^*` is 0.0.0 alone, `<=*` any 0.0.x, `>*` all that is higher); `~0.0.0` is everything; a range `1 - 2`
//! behind another comparison needs a comma, and behind `||` a space. At most 32 groups and 512 bytes.
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
            } else if part.is_empty() || !part.bytes().all(|b| b.is_ascii_digit()) {
                return None;
            } else if !has_wildcard {
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
}

/// One comparison: an operator and what stands behind it, missing parts as 0.
struct Comparison {
    operator: &'static str,
    bound: Version,
    /// Some part is missing or a wildcard.
    is_partial: bool,
    /// The major number is there, the minor is not.
    any_minor: bool,
    /// The minor number is there, the patch is not.
    any_patch: bool,
}

impl Comparison {
    fn new(operator: &'static str, given: &Partial) -> Comparison {
        Comparison {
            operator,
            bound: given.lowest(),
            is_partial: given.patch.is_none(),
            any_minor: given.major.is_some() && given.minor.is_none(),
            any_patch: given.minor.is_some() && given.patch.is_none(),
        }
    }

    fn holds(&self, version: &Version) -> bool {
        let order = version.cmp_precedence(&self.bound);
        match self.operator {
            ">" => self.is_above(version),
            ">=" | "=>" => order.is_ge(),
            "<" => order.is_lt(),
            "<=" | "=<" if self.is_partial => {
                let is_same_major = version.major == self.bound.major;
                version.major < self.bound.major || (is_same_major && (self.any_minor || version.minor <= self.bound.minor))
            }
            "<=" | "=<" => order.is_le(),
            "^" => order.is_ge() && self.is_compatible(version),
            "!=" => self.differs(version),
            "~" | "~>" => order.is_ge() && self.is_near(version),
            _ if self.is_partial => order.is_ge() && self.is_near(version),
            _ => order.is_eq(),
        }
    }

    fn is_above(&self, version: &Version) -> bool {
        if self.is_partial && version.major != self.bound.major {
            return version.major > self.bound.major;
        }
        match (self.any_minor, self.any_patch) {
            (true, _) => false,
            (_, true) => version.minor > self.bound.minor,
            _ => version.cmp_precedence(&self.bound).is_gt(),
        }
    }

    /// The same major and minor number, as far as they are given.
    fn is_near(&self, version: &Version) -> bool {
        let is_zero = (self.bound.major, self.bound.minor, self.bound.patch) == (0, 0, 0);
        if is_zero && !self.any_minor && !self.any_patch {
            return true;
        }
        version.major == self.bound.major && (self.any_minor || version.minor == self.bound.minor)
    }

    /// The same up to the first number that is not 0.
    fn is_compatible(&self, version: &Version) -> bool {
        if version.major != self.bound.major || self.bound.major > 0 || self.any_minor {
            return version.major == self.bound.major;
        }
        if version.minor != self.bound.minor || self.bound.minor > 0 || self.any_patch {
            return version.minor == self.bound.minor;
        }
        version.patch == self.bound.patch
    }

    fn differs(&self, version: &Version) -> bool {
        if self.any_minor || self.any_patch {
            let is_same_minor = version.major == self.bound.major && (self.any_minor || version.minor == self.bound.minor);
            return !is_same_minor || (self.any_patch && version.pre != self.bound.pre);
        }
        version.cmp_precedence(&self.bound).is_ne()
    }
}

struct Group {
    comparisons: Vec<Comparison>,
    names_prerelease: bool,
}

/// A semver constraint.
pub(crate) struct Constraint {
    groups: Vec<Group>,
}

impl Constraint {
    /// Reads one; `None` for what is none. An exact version is one too: ask [`parse_version`] first.
    pub(crate) fn parse(text: &str) -> Option<Constraint> {
        if text.len() > MOST_BYTES || text.split("||").count() > MOST_GROUPS {
            return None;
        }
        let groups = text.split("||").enumerate().map(|(index, group)| parse_group(group, index == 0)).collect::<Option<Vec<_>>>()?;
        Some(Constraint { groups })
    }

    /// Whether it allows `version`.
    pub(crate) fn holds(&self, version: &Version) -> bool {
        self.groups.iter().any(|group| {
            (version.pre.is_empty() || group.names_prerelease) && group.comparisons.iter().all(|comparison| comparison.holds(version))
        })
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

/// Longest text, and most groups in one.
const MOST_BYTES: usize = 512;
const MOST_GROUPS: usize = 32;

const OPERATORS: [&str; 11] = ["!=", ">=", "=>", "<=", "=<", "~>", ">", "<", "~", "^", "="];

fn parse_group(text: &str, is_first: bool) -> Option<Group> {
    let spaced = text.replace(',', " , ");
    let mut words = spaced.split_whitespace().peekable();
    let mut group = Group { comparisons: Vec::new(), names_prerelease: false };
    let mut wants_more = true;
    let mut may_be_range = is_first || text.starts_with(|c: char| c.is_whitespace() || c == 'v');
    while let Some(word) = words.next() {
        if word == "," {
            if wants_more {
                return None;
            }
            (wants_more, may_be_range) = (true, true);
            continue;
        }
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
            if !may_be_range {
                return None;
            }
            group.comparisons.push(Comparison::new(">=", &partial));
            group.comparisons.push(Comparison::new("<=", &upper));
        } else {
            group.comparisons.push(Comparison::new(operator, &partial));
            may_be_range = false;
        }
        wants_more = false;
    }
    (!wants_more).then_some(group)
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
            (">*", "1.0.0", true),
            ("^*", "1.0.0", false),
            ("<=*", "1.0.0", false),
            ("1.x.3", "1.2.0", true),
            ("~0.0.0", "3.0.0", true),
            ("!=1.2-rc.1", "1.2.0", true),
            ("=1.2-rc.1", "1.3.0", false),
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
        for text in ["main", "HEAD", "", "feature/x", ">=", "refs/tags/v1", "1.2 -", "||", "1,,2", "1,", "1 2 - 3"] {
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
