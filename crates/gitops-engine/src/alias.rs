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

/// Whether an address begins with a prefix, names being whole: `https://host/team` is no prefix of `https://host/team-b`.
fn begins_with(address: &str, prefix: &str) -> bool {
    address.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || prefix.ends_with('/'))
}

/// Where `url` is read from: by the longest prefix that fits, else by itself.
pub(crate) fn read_from(url: &str, aliases: &[Alias]) -> String {
    match aliases.iter().filter(|alias| begins_with(url, &alias.prefix)).max_by_key(|a| a.prefix.len()) {
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
