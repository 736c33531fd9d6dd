//! `index.yaml`: which versions of which charts a repository has, and where.
//!
//! Rules of choice (Helm's): a version that is written exactly so · otherwise the highest that the text, as a semver range,
//! allows: `1.2` is any `1.2.x`, nothing is any release. A pre-release fits a range only that names one. Entries that Helm
//! passes over (no name, a version that is none) are no versions here either. Of several addresses the first is taken.

use std::collections::HashMap;

use gitops_manifest::{Value, json, yaml};
use semver::Version;

use super::ChartError;
use crate::constraint::{Constraint, parse_version};

/// One version of a chart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// As it was written.
    pub(crate) version: String,
    /// The first address, which may be relative to the repository's.
    pub(crate) url: Option<String>,
    /// SHA-256 in lower-case hex digits.
    pub(crate) digest: Option<String>,
}

/// What is needed of an `index.yaml`; versions from the highest down.
#[derive(Debug)]
pub(crate) struct Index {
    charts: HashMap<String, Vec<Entry>>,
}

impl Index {
    pub(crate) fn parse(text: &[u8], url: &str, limit: u64) -> Result<Index, ChartError> {
        let wrong = |reason: String| ChartError::Index { url: url.to_owned(), reason };
        let value = read(text, limit).map_err(wrong)?;
        if value.get("apiVersion").and_then(text_of).is_none_or(|version| version.is_empty()) {
            return Err(wrong("it has no `apiVersion`".to_owned()));
        }
        let mut charts = HashMap::new();
        let entries = match value.get("entries") {
            None | Some(Value::Null) => return Ok(Index { charts }),
            Some(entries) => entries.as_map().ok_or_else(|| wrong("`entries` is no map".to_owned()))?,
        };
        for (name, versions) in entries.iter() {
            let mut found: Vec<(Version, Entry)> = versions.as_list().unwrap_or_default().iter().filter_map(entry).collect();
            // Stable: of equal versions (they may differ in build data) the first written stays the first.
            found.sort_by(|(a, _), (b, _)| b.cmp_precedence(a));
            charts.insert(name.as_str().to_owned(), found.into_iter().map(|(_, entry)| entry).collect());
        }
        Ok(Index { charts })
    }

    /// The version of a chart that `wanted` means.
    pub(crate) fn choose(&self, url: &str, chart: &str, wanted: &str) -> Result<&Entry, ChartError> {
        let no_chart = || ChartError::NoChart { url: url.to_owned(), chart: chart.to_owned(), count: self.charts.len() };
        let versions = self.charts.get(chart).ok_or_else(no_chart)?;
        let constraint = Constraint::parse(if wanted.is_empty() { "*" } else { wanted });
        let constraint = constraint.ok_or_else(|| ChartError::Version { chart: chart.to_owned(), version: wanted.to_owned() })?;
        let exact = versions.iter().find(|entry| entry.version == wanted);
        let fits = |entry: &&Entry| parse_version(&entry.version).is_some_and(|version| constraint.holds(&version));
        exact.or_else(|| versions.iter().find(fits)).ok_or_else(|| ChartError::NoVersion {
            url: url.to_owned(),
            chart: chart.to_owned(),
            version: wanted.to_owned(),
            newest: versions.first().map(|entry| entry.version.clone()),
        })
    }
}

fn read(text: &[u8], limit: u64) -> Result<Value, String> {
    if text.trim_ascii().is_empty() {
        return Err("it is empty".to_owned());
    }
    let max_bytes = usize::try_from(limit).unwrap_or(usize::MAX);
    let options = yaml::ParseOptions { max_bytes, max_alias_values: 1_000_000, ..yaml::ParseOptions::default() };
    if text.trim_ascii_start().starts_with(b"{")
        && let Ok(value) = json::parse_with(text, "index.yaml", &options)
    {
        return Ok(value);
    }
    let mut parsed = yaml::parse(text, "index.yaml", &options).map_err(|e| e.to_string())?;
    if parsed.documents.is_empty() { Err("it is empty".to_owned()) } else { Ok(parsed.documents.swap_remove(0).value) }
}

fn entry(value: &Value) -> Option<(Version, Entry)> {
    let version = value.get("version").and_then(text_of)?;
    value.get("name").and_then(text_of).filter(|name| !name.is_empty())?;
    let parsed = parse_version(&version)?;
    let url = value.get("urls").and_then(Value::as_list).and_then(|urls| urls.first()).and_then(text_of);
    let digest = value.get("digest").and_then(text_of).and_then(|text| {
        let digits = text.strip_prefix("sha256:").unwrap_or(&text).to_ascii_lowercase();
        (digits.len() == 64 && digits.bytes().all(|b| b.is_ascii_hexdigit())).then_some(digits)
    });
    Some((parsed, Entry { version, url, digest }))
}

/// A string, or a number as it would be printed: an unquoted `1.2` is read as text by Helm.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.to_string()),
        Value::Number(_) => Some(json::print(value)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INDEX: &[u8] = b"
apiVersion: v1
entries:
  web:
    - {name: web, version: 1.2.0, urls: [web-1.2.0.tgz]}
    - {name: web, version: 1.10.1, urls: [web-1.10.1.tgz]}
    - {name: web, version: 2.0.0-rc.1, urls: [web-2.tgz], digest: 'sha256:AA'}
    - {name: web, version: 1.10.1+b, urls: [other.tgz]}
    - {name: web, version: not-one, urls: [x.tgz]}
    - {version: 9.0.0, urls: [nameless.tgz]}
    -
    - {name: web, version: v0.1.0, urls: []}
  none: []
";

    #[test]
    fn versions_are_chosen_as_helm_does() {
        let index = Index::parse(INDEX, "u", 1 << 20).unwrap();
        let table = [
            ("", "1.10.1"),
            ("1", "1.10.1"),
            ("1.2", "1.2.0"),
            ("^1.2", "1.10.1"),
            ("<1.10 || 9.x", "1.2.0"),
            ("1.10.1+b", "1.10.1+b"),
            ("v1.2.0", "1.2.0"),
            ("0.1.0", "v0.1.0"),
            (">=1-0", "2.0.0-rc.1"),
            ("2.0.0-rc.1", "2.0.0-rc.1"),
        ];
        for (wanted, version) in table {
            assert_eq!(index.choose("u", "web", wanted).unwrap().version, version, "{wanted}");
        }
        assert_eq!(index.choose("u", "web", "0.1.0").unwrap().url, None);
        assert_eq!(index.choose("u", "web", ">=1-0").unwrap().digest, None, "not a digest");
    }

    #[test]
    fn what_is_not_there_is_named() {
        let index = Index::parse(INDEX, "https://h/charts", 1 << 20).unwrap();
        let text = |chart, wanted| index.choose("https://h/charts", chart, wanted).unwrap_err().to_string();
        assert_eq!(text("wbe", "1"), "https://h/charts: no chart `wbe` (of 2 charts there)");
        let wanted = "https://h/charts: no version of chart `web` fits `^3`: the highest there is 2.0.0-rc.1";
        assert_eq!(text("web", "^3"), wanted);
        assert!(text("none", "").ends_with("no version of chart `none` fits ``"));
        assert!(matches!(index.choose("u", "web", "main"), Err(ChartError::Version { .. })));
    }

    #[test]
    fn what_is_no_index_is_refused() {
        for text in
            ["", "\n", "<html>", "entries: {}", "apiVersion: v1\nentries: [1]", "{\"apiVersion\": \"\"}", "apiVersion: v1\napiVersion: v1"]
        {
            assert!(matches!(Index::parse(text.as_bytes(), "u", 1000), Err(ChartError::Index { .. })), "{text}");
        }
        assert!(Index::parse(b"apiVersion: v1\nentries:\n", "u", 1000).is_ok());
        assert!(Index::parse(br#"{"apiVersion": "v1", "entries": {"a": [{"name": "a", "version": 1.2}]}}"#, "u", 1000).is_ok());
    }
}
