//! What names a resource while it is built: group, version, kind, name and namespace.

use std::fmt;

/// Namespace of what stands beside namespaces.
pub(crate) const NO_NAMESPACE: &str = "_non_namespaceable_";

/// Group, version and kind. In a selector an empty part selects everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub(crate) struct Gvk<'a> {
    /// API group; empty for the core group.
    pub(crate) group: &'a str,
    /// Version.
    pub(crate) version: &'a str,
    /// Kind.
    pub(crate) kind: &'a str,
}

impl<'a> Gvk<'a> {
    /// From `apiVersion` and `kind`.
    pub(crate) fn new(api_version: &'a str, kind: &'a str) -> Gvk<'a> {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        Gvk { group, version, kind }
    }

    /// Whether each part of the selector is empty or the same.
    pub(crate) fn is_selected(&self, selector: Gvk<'_>) -> bool {
        let fits = |own: &str, wanted: &str| wanted.is_empty() || own == wanted;
        fits(self.kind, selector.kind) && fits(self.group, selector.group) && fits(self.version, selector.version)
    }

    /// `group/version`, or the version alone.
    pub(crate) fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.to_owned() } else { format!("{}/{}", self.group, self.version) }
    }
}

/// As kustomize writes it in messages: `Kind.version.group`.
impl fmt::Display for Gvk<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let or = |text: &str, other: &str| if text.is_empty() { other.to_owned() } else { text.to_owned() };
        write!(f, "{}.{}.{}", or(self.kind, "[noKind]"), or(self.version, "[noVer]"), or(self.group, "[noGrp]"))
    }
}

/// An identity. The namespace is the effective one: `default` for none, [`NO_NAMESPACE`] for what has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ResId<'a> {
    /// Group, version, kind.
    pub(crate) gvk: Gvk<'a>,
    /// Name.
    pub(crate) name: &'a str,
    /// Effective namespace.
    pub(crate) namespace: &'a str,
}

impl fmt::Display for ResId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let namespace = if self.namespace == NO_NAMESPACE { "[noNs]" } else { self.namespace };
        write!(f, "{}/{}.{namespace}", self.gvk, self.name)
    }
}
