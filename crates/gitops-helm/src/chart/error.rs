//! Why a chart cannot be loaded.

use gitops_tree::TreeError;

use super::decode::FieldError;
use super::ignore::IgnoreError;
use super::metadata::ValidationError;
use crate::archive::ArchiveError;

/// Why a chart cannot be loaded: the file and the reason, in Helm's words where Helm has any.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The tree beneath failed.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// Nothing is there.
    #[error("path {0:?} not found")]
    NotFound(String),
    /// Not an archive that can be read.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// `.helmignore` is wrong.
    #[error(".helmignore: {0}")]
    Ignore(IgnoreError),
    /// No Chart.yaml.
    #[error("Chart.yaml file is missing")]
    NoChart,
    /// A file is not YAML.
    #[error("cannot load {file}: error converting YAML to JSON: yaml: {reason}")]
    Yaml {
        /// Chart.yaml or another.
        file: &'static str,
        /// Where and why.
        reason: String,
    },
    /// A file holds something else than it must.
    #[error("cannot load {file}: {error}")]
    Field {
        /// Chart.yaml or another.
        file: &'static str,
        /// Which field.
        error: FieldError,
    },
    /// Chart.yaml lacks something.
    #[error(transparent)]
    Invalid(#[from] ValidationError),
    /// A sub-chart cannot be loaded.
    #[error("error unpacking subchart {name} in {chart}: {error}")]
    SubChart {
        /// Its directory or archive.
        name: String,
        /// The chart that it is in.
        chart: String,
        /// Why.
        error: Box<LoadError>,
    },
    /// A directory is called as an archive.
    #[error("error unpacking subchart tar in {chart}: expected {name}, got {found}")]
    NotAnArchive {
        /// The chart.
        chart: String,
        /// The directory.
        name: String,
        /// What is in it.
        found: String,
    },
    /// A link leads nowhere.
    #[error("{path}: a link that leads to nothing")]
    BrokenLink {
        /// Which.
        path: String,
    },
    /// A link leads out, or round.
    #[error("{path}: a link that leads out of the repository, or in a circle")]
    LinkLeaves {
        /// Which.
        path: String,
    },
    /// Nested too deep.
    #[error("{path}: directories or sub-charts nest deeper than the limit of {limit}")]
    TooDeep {
        /// Where.
        path: String,
        /// The limit.
        limit: usize,
    },
    /// One file is too large.
    #[error("chart file {name:?} is larger than the maximum file size {limit}")]
    FileTooLarge {
        /// Which.
        name: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// All files together are too large.
    #[error("the chart is larger than the limit of {limit} bytes")]
    ChartTooLarge {
        /// The limit.
        limit: u64,
    },
    /// Too many files.
    #[error("the chart has more than {limit} files")]
    TooManyFiles {
        /// The limit.
        limit: usize,
    },
}
