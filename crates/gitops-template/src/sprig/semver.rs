//! Versions and constraints as Masterminds/semver v3.5.0 reads and compares them.
//!
//! Surprises: `1.2` and `v1` are versions; leading zeros are allowed in numbers, not in pre-releases; a constraint without a
//! pre-release never matches a version with one, and one with a pre-release opens its whole `,` group; `1.x`, `1` and `=1` mean `~1`;
//! blanks and commas both mean "and"; `1.0 - 2` is `>=1.0, <=2`. At most 256 bytes a version, 512 bytes and 32 groups a constraint.

use std::cmp::Ordering;
use std::fmt;

const MAX_VERSION: usize = 256;
const MAX_CONSTRAINT: usize = 512;
const MAX_GROUPS: usize = 32;

/// A semantic version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// First number.
    pub major: u64,
    /// Second number; 0 if not written.
    pub minor: u64,
    /// Third number; 0 if not written.
    pub patch: u64,
    /// Behind `-`.
    pub prerelease: String,
    /// Behind `+`; does not count in comparisons.
    pub metadata: String,
    /// As it was written.
    pub original: String,
}

/// Why a text is no version, or no constraint. The texts are the reference's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SemverError {
    /// The version has not the form `v1.2.3-pre+meta`.
    #[error("invalid semantic version")]
    Invalid,
    /// The version is longer than 256 bytes.
    #[error("version string is too long (max {MAX_VERSION} bytes)")]
    VersionTooLong,
    /// A number of the version is beyond 64 bits.
    #[error("error parsing version segment: strconv.ParseUint: parsing \"{0}\": value out of range")]
    NumberTooLarge(String),
    /// A number in the pre-release begins with 0.
    #[error("version segment starts with 0")]
    LeadingZero,
    /// The pre-release has other characters than letters, digits, `-` and `.`, or an empty part.
    #[error("invalid prerelease string")]
    Prerelease,
    /// The metadata has other characters than letters, digits, `-` and `.`, or an empty part.
    #[error("invalid metadata string")]
    Metadata,
    /// The constraint is longer than 512 bytes.
    #[error("constraint string is too long (max {MAX_CONSTRAINT} bytes)")]
    ConstraintTooLong,
    /// The constraint has more than 32 `||`.
    #[error("too many constraint groups (max {MAX_GROUPS})")]
    TooManyGroups,
    /// A number of the constraint is none, or has no room in 64 bits.
    #[error("constraint parser error")]
    Number,
    /// This part of the constraint has not the form `>=1.2.3`.
    #[error("improper constraint: {}", crate::fmt::quote(.0.as_bytes()))]
    Improper(String),
}

impl Version {
    /// Reads a version; `v` before it and missing numbers are fine.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &str) -> Result<Version, SemverError> {
        if text.len() > MAX_VERSION {
            return Err(SemverError::VersionTooLong);
        }
        let mut scan = Scan { rest: text };
        scan.eat('v');
        let major = scan.digits().ok_or(SemverError::Invalid)?;
        let minor = scan.dotted_digits();
        // A third number never comes without a second: the second takes its place.
        let patch = scan.dotted_digits();
        let prerelease = scan.tail('-');
        let metadata = scan.tail('+');
        if !scan.rest.is_empty() {
            return Err(SemverError::Invalid);
        }
        let version = Version {
            major: number(major)?,
            minor: number(minor.unwrap_or("0"))?,
            patch: number(patch.unwrap_or("0"))?,
            prerelease: prerelease.unwrap_or_default().to_owned(),
            metadata: metadata.unwrap_or_default().to_owned(),
            original: text.to_owned(),
        };
        check_prerelease(&version.prerelease)?;
        Ok(version)
    }

    /// Compares by precedence: metadata does not count, a pre-release comes before its release.
    pub fn compare(&self, other: &Version) -> Ordering {
        let numbers = (self.major, self.minor, self.patch).cmp(&(other.major, other.minor, other.patch));
        numbers.then_with(|| match (self.prerelease.is_empty(), other.prerelease.is_empty()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) => compare_prereleases(&self.prerelease, &other.prerelease),
        })
    }

    /// The same version, its original text made anew with the `v` that it had.
    #[must_use]
    pub(super) fn renamed(mut self) -> Version {
        let v = if self.original.starts_with('v') { "v" } else { "" };
        self.original = format!("{v}{self}");
        self
    }

    /// With another pre-release.
    ///
    /// # Errors
    /// When it is none.
    pub(super) fn with_prerelease(&self, prerelease: &str) -> Result<Version, SemverError> {
        check_prerelease(prerelease)?;
        Ok(Version { prerelease: prerelease.to_owned(), ..self.clone() }.renamed())
    }

    /// With other metadata.
    ///
    /// # Errors
    /// When it is none.
    pub(super) fn with_metadata(&self, metadata: &str) -> Result<Version, SemverError> {
        if !metadata.is_empty() && !metadata.split('.').all(|part| !part.is_empty() && part.bytes().all(is_identifier)) {
            return Err(SemverError::Metadata);
        }
        Ok(Version { metadata: metadata.to_owned(), ..self.clone() }.renamed())
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)?;
        if !self.prerelease.is_empty() {
            write!(f, "-{}", self.prerelease)?;
        }
        if !self.metadata.is_empty() {
            write!(f, "+{}", self.metadata)?;
        }
        Ok(())
    }
}

fn number(digits: &str) -> Result<u64, SemverError> {
    digits.parse().map_err(|_| SemverError::NumberTooLarge(digits.to_owned()))
}

fn is_identifier(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'-'
}

fn check_prerelease(text: &str) -> Result<(), SemverError> {
    if text.is_empty() {
        return Ok(());
    }
    for part in text.split('.') {
        if part.is_empty() || !part.bytes().all(is_identifier) {
            return Err(SemverError::Prerelease);
        }
        if part.len() > 1 && part.starts_with('0') && part.bytes().all(|b| b.is_ascii_digit()) {
            return Err(SemverError::LeadingZero);
        }
    }
    Ok(())
}

fn compare_prereleases(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.split('.'), b.split('.'));
    loop {
        let order = match (a.next(), b.next()) {
            (None, None) => return Ordering::Equal,
            (a, b) => compare_parts(a.unwrap_or_default(), b.unwrap_or_default()),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// Numbers come before words. One of more than 64 bits counts as a word, and two ways to write a number are never equal.
fn compare_parts(a: &str, b: &str) -> Ordering {
    if a == b || a.is_empty() || b.is_empty() {
        return a.cmp(b);
    }
    match (a.parse::<u64>(), b.parse::<u64>()) {
        (Ok(a), Ok(b)) => {
            if a > b {
                Ordering::Greater
            } else {
                Ordering::Less
            }
        }
        (Ok(_), Err(_)) => Ordering::Less,
        (Err(_), Ok(_)) => Ordering::Greater,
        (Err(_), Err(_)) => a.cmp(b),
    }
}

/// What one version must be compared to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Greater,
    Less,
    AtLeast,
    AtMost,
    Tilde,
    Caret,
}

/// `>=1.2.3`, `~1`, `1.x`.
#[derive(Clone, Debug)]
struct Comparator {
    operator: Operator,
    version: Version,
    /// Some number was left out or is `x`.
    open: bool,
    /// The second one is the first that was.
    minor_open: bool,
    /// The third one is the first that was.
    patch_open: bool,
}

/// A constraint on versions: groups of comparators, any of which must hold whole.
#[derive(Clone, Debug)]
pub struct Constraint {
    groups: Vec<Vec<Comparator>>,
}

impl Constraint {
    /// Reads a constraint such as `>=1.2 <3 || ~4.5`.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &str) -> Result<Constraint, SemverError> {
        if text.len() > MAX_CONSTRAINT {
            return Err(SemverError::ConstraintTooLong);
        }
        let text = rewrite_ranges(text);
        let groups: Vec<&str> = text.split("||").collect();
        if groups.len() > MAX_GROUPS {
            return Err(SemverError::TooManyGroups);
        }
        Ok(Constraint { groups: groups.into_iter().map(group).collect::<Result<_, _>>()? })
    }

    /// Whether `version` satisfies it.
    pub fn matches(&self, version: &Version) -> bool {
        self.groups.iter().any(|group| {
            let prereleases = group.iter().any(|c| !c.version.prerelease.is_empty());
            (version.prerelease.is_empty() || prereleases) && group.iter().all(|c| c.matches(version))
        })
    }
}

/// The comparators of one group: with blanks or one comma between them.
fn group(text: &str) -> Result<Vec<Comparator>, SemverError> {
    let improper = || SemverError::Improper(text.to_owned());
    let mut scan = Scan { rest: text };
    let mut all = Vec::new();
    scan.space();
    loop {
        let (operator, parts) = scan.comparator().ok_or_else(improper)?;
        all.push(Comparator::new(operator, &parts)?);
        let blank = scan.space();
        if scan.rest.is_empty() {
            return Ok(all);
        }
        let comma = scan.eat(',');
        if comma {
            scan.space();
        }
        if !blank && !comma {
            return Err(improper());
        }
    }
}

impl Comparator {
    fn new(operator: Operator, parts: &Parts<'_>) -> Result<Comparator, SemverError> {
        let pre = parts.prerelease.map(|pre| format!("-{pre}")).unwrap_or_default();
        let is_open = |part: Option<&str>| part.is_none_or(|p| matches!(p, "x" | "X" | "*"));
        let (numbers, open, minor_open, patch_open) = if is_open(Some(parts.major)) {
            ("0.0.0".to_owned(), true, false, false)
        } else if is_open(parts.minor) {
            (format!("{}.0.0", parts.major), true, true, false)
        } else if is_open(parts.patch) {
            (format!("{}.{}.0", parts.major, parts.minor.unwrap_or_default()), true, false, true)
        } else {
            (format!("{}.{}.{}", parts.major, parts.minor.unwrap_or_default(), parts.patch.unwrap_or_default()), false, false, false)
        };
        let version = Version::parse(&format!("{numbers}{pre}")).map_err(|_| SemverError::Number)?;
        Ok(Comparator { operator, version, open, minor_open, patch_open })
    }

    /// The caller has dealt with pre-releases that are not asked for.
    fn matches(&self, v: &Version) -> bool {
        let want = &self.version;
        let order = v.compare(want);
        match self.operator {
            Operator::Equal if self.open => self.tilde(v),
            Operator::Equal => order == Ordering::Equal,
            Operator::NotEqual => self.not_equal(v),
            Operator::Greater if !self.open || v.major != want.major => order == Ordering::Greater,
            Operator::Greater if self.minor_open => false,
            Operator::Greater if self.patch_open => v.minor > want.minor,
            Operator::Greater => order == Ordering::Greater,
            Operator::Less => order == Ordering::Less,
            Operator::AtLeast => order != Ordering::Less,
            Operator::AtMost if self.open => v.major < want.major || v.major == want.major && (v.minor <= want.minor || self.minor_open),
            Operator::AtMost => order != Ordering::Greater,
            Operator::Tilde => self.tilde(v),
            Operator::Caret => self.caret(v),
        }
    }

    fn not_equal(&self, v: &Version) -> bool {
        let want = &self.version;
        if !self.open || !self.minor_open && !self.patch_open && v.major == want.major && v.minor == want.minor && v.patch == want.patch {
            return v.compare(want) != Ordering::Equal;
        }
        if v.major != want.major {
            return true;
        }
        if self.minor_open {
            return false;
        }
        if v.minor != want.minor || v.patch != want.patch && !self.patch_open {
            return true;
        }
        compare_prereleases(&v.prerelease, &want.prerelease) != Ordering::Equal
    }

    fn tilde(&self, v: &Version) -> bool {
        let want = &self.version;
        if v.compare(want) == Ordering::Less {
            return false;
        }
        if (want.major, want.minor, want.patch) == (0, 0, 0) && !self.minor_open && !self.patch_open {
            return true;
        }
        v.major == want.major && (v.minor == want.minor || self.minor_open)
    }

    fn caret(&self, v: &Version) -> bool {
        let want = &self.version;
        if v.compare(want) == Ordering::Less || v.major != want.major {
            return false;
        }
        if want.major > 0 || self.minor_open {
            return true;
        }
        if want.minor > 0 || self.patch_open {
            return v.minor == want.minor;
        }
        v.minor == 0 && v.patch == want.patch
    }
}

/// The version of a comparator, in which numbers may be missing or `x`.
struct Parts<'t> {
    major: &'t str,
    minor: Option<&'t str>,
    patch: Option<&'t str>,
    prerelease: Option<&'t str>,
    /// All of it.
    text: &'t str,
}

#[derive(Clone, Copy)]
struct Scan<'t> {
    rest: &'t str,
}

impl<'t> Scan<'t> {
    fn eat(&mut self, c: char) -> bool {
        self.rest.strip_prefix(c).inspect(|rest| self.rest = rest).is_some()
    }

    /// Blanks as a regular expression's `\s` sees them. Whether there were any.
    fn space(&mut self) -> bool {
        let before = self.rest.len();
        self.rest = self.rest.trim_start_matches(['\t', '\n', '\x0c', '\r', ' ']);
        self.rest.len() < before
    }

    fn while_some(&mut self, belongs: impl Fn(u8) -> bool) -> Option<&'t str> {
        let len = self.rest.bytes().take_while(|b| belongs(*b)).count();
        let (taken, rest) = self.rest.split_at(len);
        self.rest = rest;
        (len > 0).then_some(taken)
    }

    fn digits(&mut self) -> Option<&'t str> {
        self.while_some(|b| b.is_ascii_digit())
    }

    fn dotted(&mut self, belongs: impl Fn(u8) -> bool) -> Option<&'t str> {
        let mut ahead = *self;
        let part = ahead.eat('.').then(|| ahead.while_some(belongs)).flatten()?;
        *self = ahead;
        Some(part)
    }

    fn dotted_digits(&mut self) -> Option<&'t str> {
        self.dotted(|b| b.is_ascii_digit())
    }

    /// `-alpha.1`, `+build`: identifiers with dots between them.
    fn tail(&mut self, sign: char) -> Option<&'t str> {
        let mut ahead = *self;
        if !ahead.eat(sign) {
            return None;
        }
        let text = ahead.rest;
        ahead.while_some(is_identifier)?;
        while ahead.dotted(is_identifier).is_some() {}
        *self = ahead;
        Some(&text[..text.len() - ahead.rest.len()])
    }

    /// A number or a wildcard. The reference's classes hold `|` too, which then is no number.
    fn version(&mut self) -> Option<Parts<'t>> {
        const WILD: fn(u8) -> bool = |b| b.is_ascii_digit() || matches!(b, b'x' | b'X' | b'*' | b'|');
        let text = self.rest;
        self.eat('v');
        let (major, minor) = (self.while_some(WILD)?, self.dotted(WILD));
        let patch = self.dotted(WILD);
        let prerelease = self.tail('-');
        self.tail('+');
        Some(Parts { major, minor, patch, prerelease, text: &text[..text.len() - self.rest.len()] })
    }

    fn comparator(&mut self) -> Option<(Operator, Parts<'t>)> {
        const OPERATORS: [(&str, Operator); 11] = [
            ("!=", Operator::NotEqual),
            (">=", Operator::AtLeast),
            ("=>", Operator::AtLeast),
            ("<=", Operator::AtMost),
            ("=<", Operator::AtMost),
            ("~>", Operator::Tilde),
            ("=", Operator::Equal),
            (">", Operator::Greater),
            ("<", Operator::Less),
            ("~", Operator::Tilde),
            ("^", Operator::Caret),
        ];
        let found = OPERATORS.iter().find(|(sign, _)| self.rest.starts_with(sign));
        let operator = match found {
            Some((sign, operator)) => {
                self.rest = &self.rest[sign.len()..];
                *operator
            }
            None => Operator::Equal,
        };
        self.space();
        Some((operator, self.version()?))
    }
}

/// `1.2 - 3.4` becomes `>= 1.2, <= 3.4 `, wherever it stands.
fn rewrite_ranges(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let mut scan = Scan { rest: text };
    let mut plain = text;
    while let Some(c) = scan.rest.chars().next() {
        let mut ahead = scan;
        ahead.space();
        if let Some((from, to)) = range(&mut ahead) {
            out.push_str(&plain[..plain.len() - scan.rest.len()]);
            out.push_str(&format!(">= {from}, <= {to} "));
            (scan, plain) = (ahead, ahead.rest);
        } else {
            scan.rest = &scan.rest[c.len_utf8()..];
        }
    }
    out + plain
}

fn range<'t>(scan: &mut Scan<'t>) -> Option<(&'t str, &'t str)> {
    let from = scan.version()?.text;
    if !scan.space() || !scan.eat('-') || !scan.space() {
        return None;
    }
    let to = scan.version()?.text;
    scan.space();
    Some((from, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(constraint: &str, version: &str) -> Result<bool, SemverError> {
        Ok(Constraint::parse(constraint)?.matches(&Version::parse(version)?))
    }

    #[test]
    fn constraints_of_the_reference() {
        for (constraint, version, want) in [
            (">=1.20-0", "1.20.3-gke.1", true),
            (">=1.20", "1.20.3-gke.1", false),
            ("~1", "1.9.9", true),
            ("^0.0.3", "0.0.4", false),
            ("1.2 - 1.4", "1.4.9", true),
            ("1.2.0 - 1.4.0, !=1.3.x", "1.3.5", false),
            (">11", "11.1.0", false),
            (">11.1", "11.2.0", true),
            ("*", "3.4.5-rc1", false),
            ("<1.0 || >=2.0", "2.1.0", true),
            ("!=1.x", "1.0.0", false),
            ("^0", "0.9.0", true),
        ] {
            assert_eq!(check(constraint, version), Ok(want), "{constraint} {version}");
        }
    }

    #[test]
    fn what_is_neither() {
        assert_eq!(Version::parse("1.2.3.4"), Err(SemverError::Invalid));
        assert_eq!(Version::parse("1.2.3-01"), Err(SemverError::LeadingZero));
        assert_eq!(Version::parse("01.02").map(|v| v.to_string()), Ok("1.2.0".to_owned()));
        for constraint in ["", ">>1", "1.2,,3", ">=1.2 a", "foo"] {
            assert!(matches!(Constraint::parse(constraint), Err(SemverError::Improper(_))), "{constraint}");
        }
    }
}
