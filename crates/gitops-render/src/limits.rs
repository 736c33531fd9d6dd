//! How much one render may read.

/// Bounds of one render. Each is checked before the memory is used.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Most bytes of all files of one source together. Default 10,000,000: Argo CD's
    /// `reposerver.max.combined.directory.manifests.size` of `10M`.
    pub max_total_bytes: u64,
    /// Most files and directories looked at in one source. Default 100,000. Links to directories can multiply a small
    /// repository without end; this is what ends it.
    pub max_entries: usize,
    /// Deepest nesting of maps and lists in a document, and of directories in a source. Default 200.
    pub max_depth: usize,
    /// Most values that the aliases of one file may add. Default 100,000.
    pub max_alias_values: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { max_total_bytes: 10_000_000, max_entries: 100_000, max_depth: 200, max_alias_values: 100_000 }
    }
}
