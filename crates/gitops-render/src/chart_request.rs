//! Charts that are not in the tree: what is asked for, and who fetches it.

use std::fmt;
use std::sync::Arc;

use gitops_tree::Revision;

/// A chart of a chart repository or registry, as an Application, a dependency or a kustomization names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChartRequest {
    /// `https://…` of a chart repository, `oci://…` of a registry, or a registry's address without a protocol.
    pub repository: String,
    /// Name of the chart. Empty where the address of a registry is that of the chart itself.
    pub name: String,
    /// A version or a range; empty for the highest release.
    pub version: String,
    /// Whether the repository's credentials go to archives on other hosts too.
    pub pass_credentials: bool,
}

const PASSED: &str = " with credentials passed";

impl ChartRequest {
    /// The request as one line of text, by which a [`gitops_tree::ReadSet`] remembers it.
    pub fn address(&self) -> String {
        self.to_string()
    }

    /// The request that such a line stands for; `None` for the address of anything else.
    pub fn parse(address: &str) -> Option<ChartRequest> {
        let rest = address.strip_prefix("chart ")?;
        let (rest, pass_credentials) = rest.strip_suffix(PASSED).map_or((rest, false), |rest| (rest, true));
        let (what, repository) = rest.rsplit_once(" from ")?;
        let (name, version) = what.split_once(" (")?;
        let version = version.strip_suffix(')')?;
        let text = |text: &str, none: &str| if text == none { String::new() } else { text.to_owned() };
        Some(ChartRequest { repository: repository.to_owned(), name: text(name, "-"), version: text(version, "*"), pass_credentials })
    }
}

impl fmt::Display for ChartRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let or = |text: &'static str, value: &str| if value.is_empty() { text.to_owned() } else { value.to_owned() };
        let passed = if self.pass_credentials { PASSED } else { "" };
        write!(f, "chart {} ({}) from {}{passed}", or("-", &self.name), or("*", &self.version), self.repository)
    }
}

/// A packaged chart.
#[derive(Clone, Debug)]
pub struct FetchedChart {
    /// The version that was asked for, or that a range came to.
    pub version: String,
    /// Digest of the archive.
    pub revision: Revision,
    /// The archive.
    pub archive: Arc<[u8]>,
}

/// Fetches charts, or knows them. Rendering asks it for dependencies that are not in `charts/` and for the charts of
/// kustomizations; what it gave is noted in the `ReadSet`, by [`ChartRequest::address`] and digest.
pub trait ChartFetcher: Send + Sync {
    /// The chart that is meant now.
    ///
    /// # Errors
    /// When it may not be fetched, or cannot be.
    fn fetch(&self, request: &ChartRequest) -> Result<FetchedChart, String>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_back() {
        let request = |name: &str, version: &str, pass_credentials| ChartRequest {
            repository: "https://charts.example.org/stable".to_owned(),
            name: name.to_owned(),
            version: version.to_owned(),
            pass_credentials,
        };
        for request in [request("web", "^1.2", false), request("", "", false), request("web", ">=1.0 <2 || 3.x", true)] {
            assert_eq!(ChartRequest::parse(&request.address()).as_ref(), Some(&request), "{request}");
        }
        for other in ["https://github.com/a/b//c?ref=v1", "chart", "chart web", "chart web 1.0 from x"] {
            assert_eq!(ChartRequest::parse(other), None, "{other}");
        }
    }
}
