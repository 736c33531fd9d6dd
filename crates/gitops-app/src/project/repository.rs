//! Repository URLs as projects compare them, and whether a project permits one.

use crate::glob::{GlobSyntax, glob_match};

/// One form of a repository's URL: lower case, without `.git` and `ssh://`; `git@host:path` is `git@host/path`.
/// Applies to patterns of URLs as well.
pub fn normalize_repository(url: &str) -> String {
    let lower = url.trim().to_lowercase();
    let plain = match lower.strip_prefix("ssh://") {
        Some(rest) if is_ssh(rest) => rest.to_owned(),
        None if is_ssh(&lower) => lower.replacen(':', "/", 1),
        _ => lower,
    };
    plain.strip_suffix(".git").unwrap_or(&plain).to_owned()
}

/// Whether it reads `user@…`, with nothing of a path or a port before the one `@`.
fn is_ssh(text: &str) -> bool {
    text.split_once('@').is_some_and(|(user, rest)| !user.contains(['/', ':']) && !rest.is_empty() && !rest.contains('@'))
}

/// Whether a list of globs permits `url`: some entry matches, and no `!` entry refuses. An entry `!x` matches all that is not
/// `x`, so a list of such entries alone permits the rest.
pub(super) fn permits(patterns: &[String], url: &str) -> bool {
    let url = normalize_repository(url);
    let mut permitted = false;
    for pattern in patterns {
        match pattern.strip_prefix('!') {
            Some(denied) if glob_match(&normalize_repository(denied), GlobSyntax::Slashes, &url) => return false,
            Some(_) => permitted = true,
            None => permitted |= glob_match(&normalize_repository(pattern), GlobSyntax::Slashes, &url),
        }
    }
    permitted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_repository_has_one_form() {
        for (url, form) in [
            ("https://GitHub.com/Org/Repo.git", "https://github.com/org/repo"),
            ("git@github.com:org/repo.git", "git@github.com/org/repo"),
            ("ssh://git@github.com/org/repo.git", "git@github.com/org/repo"),
            ("ssh://git@github.com:22/org/repo", "git@github.com:22/org/repo"),
            (" https://user@host/x ", "https://user@host/x"),
            ("org-1234@host.example:a/b", "org-1234@host.example/a/b"),
        ] {
            assert_eq!(normalize_repository(url), form, "{url}");
        }
    }

    #[test]
    fn lists_permit_and_refuse() {
        for (patterns, url, permitted) in [
            (&[][..], "https://a/b", false),
            (&["*"], "git@a:b/c.git", true),
            (&["https://github.com/org/*"], "https://github.com/Org/repo.git", true),
            (&["https://github.com/org/*"], "https://github.com/org/a/b", false),
            (&["https://github.com/**"], "https://github.com/org/a/b", true),
            (&["*", "!https://github.com/secret/**"], "https://github.com/secret/x", false),
            (&["!https://github.com/secret/**", "*"], "https://github.com/secret/x.git", false),
            (&["!https://github.com/secret/**"], "https://github.com/open/x", true),
            (&["git@github.com:org/*"], "ssh://git@github.com/org/x", true),
        ] {
            let patterns: Vec<String> = patterns.iter().map(|p| (*p).to_owned()).collect();
            assert_eq!(permits(&patterns, url), permitted, "{patterns:?} {url}");
        }
    }
}
