//! `.helmignore`: which files of a directory are no part of the chart.
//!
//! Rules are tried in order and the first that decides wins. A rule with `!` decides for all that it does not match: what
//! does not match is left out (so `!a.txt` leaves out everything else). A rule without `/` is about the last part of a
//! path, any other about the whole path; `x/` is about directories only. Matching is Go's `filepath.Match`; `**` is refused.

use crate::path_match::PathPattern;

/// Why `.helmignore` cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IgnoreError {
    /// `**`
    #[error("double-star (**) syntax is not supported")]
    DoubleStar,
    /// A pattern that is none.
    #[error("syntax error in pattern")]
    Pattern,
}

/// The rules of a chart.
#[derive(Clone, Debug, Default)]
pub(crate) struct IgnoreRules(Vec<Rule>);

#[derive(Clone, Debug)]
struct Rule {
    /// `None`: a pattern that was well-formed only with its `!` or `/`, which never matches.
    pattern: Option<PathPattern>,
    negate: bool,
    directories_only: bool,
    whole_path: bool,
}

impl IgnoreRules {
    /// The rules of a `.helmignore`, and the one that always holds: no dotfiles in `templates/`.
    pub(crate) fn parse(text: &str) -> Result<IgnoreRules, IgnoreError> {
        let mut rules = IgnoreRules::default();
        for line in text.strip_prefix('\u{FEFF}').unwrap_or(text).lines() {
            rules.add(line)?;
        }
        rules.add("templates/.?*")?;
        Ok(rules)
    }

    fn add(&mut self, line: &str) -> Result<(), IgnoreError> {
        let rule = line.trim();
        if rule.is_empty() || rule.starts_with('#') {
            return Ok(());
        }
        if rule.contains("**") {
            return Err(IgnoreError::DoubleStar);
        }
        if PathPattern::parse(rule).is_err() {
            return Err(IgnoreError::Pattern);
        }
        let (negate, rule) = rule.strip_prefix('!').map_or((false, rule), |rest| (true, rest));
        let (directories_only, rule) = rule.strip_suffix('/').map_or((false, rule), |rest| (true, rest));
        let whole_path = rule.contains('/');
        let pattern = PathPattern::parse(rule.strip_prefix('/').unwrap_or(rule)).ok();
        self.0.push(Rule { pattern, negate, directories_only, whole_path });
        Ok(())
    }

    /// Whether the file or directory at `path`, seen from the chart, is left out.
    pub(crate) fn ignores(&self, path: &str, is_directory: bool) -> bool {
        for rule in &self.0 {
            let matches = || {
                let name = if rule.whole_path { path } else { path.rsplit_once('/').map_or(path, |(_, name)| name) };
                rule.pattern.as_ref().is_some_and(|p| p.matches(name))
            };
            if rule.negate {
                if (rule.directories_only && !is_directory) || !matches() {
                    return true;
                }
            } else if (!rule.directories_only || is_directory) && matches() {
                return true;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_as_helm_reads_them() {
        let rules = IgnoreRules::parse("# c\n*.bak\n/top.txt\nsub/x.*\ndir/\n").expect("rules");
        assert!(rules.ignores("a/b.bak", false));
        assert!(rules.ignores("top.txt", false) && !rules.ignores("a/top.txt", false));
        assert!(rules.ignores("sub/x.y", false) && !rules.ignores("a/sub/x.y", false));
        assert!(rules.ignores("a/dir", true) && !rules.ignores("a/dir", false));
        assert!(rules.ignores("templates/.hidden", false) && !rules.ignores("templates/a", false));
    }

    #[test]
    fn a_negation_leaves_out_all_else() {
        let rules = IgnoreRules::parse("!q.json").expect("rules");
        assert!(rules.ignores("Chart.yaml", false) && !rules.ignores("q.json", false));
    }

    #[test]
    fn what_helm_refuses() {
        assert_eq!(IgnoreRules::parse("a/**/b").err(), Some(IgnoreError::DoubleStar));
        assert_eq!(IgnoreRules::parse("a[").err(), Some(IgnoreError::Pattern));
    }
}
