//! Repositories read from elsewhere than their URL says, as git's `insteadOf` does: a mirror near by, or the checkout that
//! a demonstration runs from. Only the server's own configuration can name them.

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alias {
    /// URLs that begin with this …
    pub prefix: String,
    /// … are read from here, the rest of the URL appended.
    pub read_from: String,
}

/// Where `url` is read from: by the longest prefix that fits, else by itself.
pub(crate) fn read_from(url: &str, aliases: &[Alias]) -> String {
    let fits = |a: &&Alias| {
        let rest = url.strip_prefix(&a.prefix);
        // `https://host/team` is no prefix of `https://host/team-b`.
        rest.is_some_and(|r| r.is_empty() || r.starts_with('/') || a.prefix.ends_with('/'))
    };
    match aliases.iter().filter(fits).max_by_key(|a| a.prefix.len()) {
        Some(alias) => format!("{}{}", alias.read_from, &url[alias.prefix.len()..]),
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_prefix_wins_and_names_are_whole() {
        let alias = |prefix: &str, read_from: &str| Alias { prefix: prefix.into(), read_from: read_from.into() };
        let all = [alias("https://git.example.com", "/mirrors"), alias("https://git.example.com/a/b.git", "/checkout")];
        assert_eq!(read_from("https://git.example.com/a/b.git", &all), "/checkout");
        assert_eq!(read_from("https://git.example.com/a/c.git", &all), "/mirrors/a/c.git");
        assert_eq!(read_from("https://git.example.community/a", &all), "https://git.example.community/a");
    }
}
