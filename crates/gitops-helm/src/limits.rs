//! How much a chart may be: each limit is a setting with a default.

/// What loading and rendering may use. The defaults of the first two are Helm's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest file of a chart, in a directory or unpacked from an archive. Default 5 MiB.
    pub max_file_bytes: u64,
    /// Most bytes of all files of a chart with its sub-charts; each archive inside counts what it unpacks to. Default
    /// 100 MiB.
    pub max_chart_bytes: u64,
    /// Most files of a chart with its sub-charts. Default 50,000.
    pub max_files: usize,
    /// How deep sub-charts, directories and links may nest. Default 32.
    pub max_depth: usize,
    /// Largest values file given beside the chart. Default 16 MiB.
    pub max_values_bytes: usize,
    /// Most bytes that all templates of one rendering may print. Default 256 MiB.
    pub max_output_bytes: usize,
    /// Most steps that all templates of one rendering may take. Default 50,000,000.
    pub max_steps: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            max_file_bytes: 5 << 20,
            max_chart_bytes: 100 << 20,
            max_files: 50_000,
            max_depth: 32,
            max_values_bytes: 16 << 20,
            max_output_bytes: 256 << 20,
            max_steps: 50_000_000,
        }
    }
}
