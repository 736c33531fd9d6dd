//! Why a chart cannot be rendered.

use crate::manifest::ManifestError;
use crate::values::coalesce::NotATable;

/// Why a chart cannot be rendered, in Helm's words where Helm has any: chart, template and line are in the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RenderError {
    /// A library cannot be installed.
    #[error("{kind} charts are not installable")]
    NotInstallable {
        /// What Chart.yaml says under `type`.
        kind: String,
    },
    /// The release has no name that Helm would take.
    #[error(
        "release name {name:?}: invalid release name, must match regex ^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$ and the length must not be longer than 53"
    )]
    ReleaseName {
        /// As given.
        name: String,
    },
    /// The version of Kubernetes to render for is none.
    #[error("invalid kube version '{0}'")]
    KubeVersion(String),
    /// Charts that Chart.yaml lists are not in `charts/`.
    #[error(
        "An error occurred while checking for chart dependencies. You may need to run `helm dependency build` to fetch missing dependencies: found in Chart.yaml, but missing in charts/ directory: {}",
        missing.join(", ")
    )]
    MissingDependencies {
        /// Their names.
        missing: Vec<String>,
    },
    /// The values of a sub-chart are no table.
    #[error("type mismatch on {chart}: {found}")]
    TypeMismatch {
        /// The sub-chart.
        chart: String,
        /// What stands there.
        found: String,
    },
    /// Aliases multiply beyond all bounds.
    #[error("the chart has more than {limit} sub-charts under all their aliases")]
    TooManyCharts {
        /// The limit.
        limit: usize,
    },
    /// `import-values` with too long a path.
    #[error("import-values: the path `{path}…` has more than {limit} parts")]
    ImportTooDeep {
        /// How it begins.
        path: String,
        /// The limit.
        limit: usize,
    },
    /// `import-values` that put a table into itself.
    #[error("import-values: a table is imported into itself, or nests too deep")]
    EndlessImport,
    /// Values and schemas do not fit.
    #[error("values don't meet the specifications of the schema(s) in the following chart(s):\n{0}")]
    Schema(String),
    /// The chart is for other versions of Kubernetes.
    #[error("chart requires kubeVersion: {range} which is incompatible with Kubernetes {version}")]
    Incompatible {
        /// What Chart.yaml says.
        range: String,
        /// The version to render for.
        version: String,
    },
    /// A template does not parse, or failed.
    #[error("{0}")]
    Template(String),
    /// What a template printed is no manifest.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// `--show-only` names what is not there.
    #[error("could not find template {0} in chart")]
    NoSuchTemplate(String),
}

impl From<NotATable> for RenderError {
    fn from(e: NotATable) -> RenderError {
        RenderError::TypeMismatch { chart: e.chart.text().into_owned(), found: e.found }
    }
}
