//! Which namespaces a list entry means: a glob, or `/regexp/` with look-around, as Argo CD reads `sourceNamespaces` and
//! `application.namespaces`.

use fancy_regex::RegexBuilder;

use crate::glob::{GlobSyntax, glob_match};

/// Most steps back one match may take; a pattern that needs more matches nothing.
const BACKTRACK_LIMIT: usize = 10_000;

/// Whether `namespace` matches one entry. A text that is no pattern matches nothing.
pub fn namespace_matches(pattern: &str, namespace: &str) -> bool {
    match pattern.strip_prefix('/').and_then(|p| p.strip_suffix('/')) {
        Some(regexp) if regexp.len() < 4_096 => {
            let compiled = RegexBuilder::new(regexp).backtrack_limit(BACKTRACK_LIMIT).delegate_size_limit(1 << 20).build();
            compiled.is_ok_and(|r| r.is_match(namespace).unwrap_or(false))
        }
        Some(_) => false,
        None => glob_match(pattern, GlobSyntax::Plain, namespace),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_and_regexps() {
        for (pattern, namespace, matches) in [
            ("team-*", "team-a", true),
            ("team-*", "ops", false),
            ("/^team-[ab]$/", "team-b", true),
            ("/^team-[ab]$/", "team-c", false),
            ("/^((?!kube).)*$/", "kube-system", false),
            ("/^((?!kube).)*$/", "shop", true),
            ("/[/", "shop", false),
            ("/(a+)+$/", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", false),
        ] {
            assert_eq!(namespace_matches(pattern, namespace), matches, "{pattern} {namespace}");
        }
    }
}
