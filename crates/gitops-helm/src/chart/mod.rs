//! A chart as it was loaded: files sorted by what they are for, Chart.yaml read, sub-charts inside.

pub(crate) mod decode;
mod directory;
mod error;
mod ignore;
pub(crate) mod load;
mod metadata;

use std::sync::Arc;

pub use decode::FieldError;
pub use error::LoadError;
pub use ignore::IgnoreError;
pub use metadata::{Dependency, Maintainer, Metadata, ValidationError};

use crate::archive::ChartFile;
use crate::schema::Schema;
use crate::values::Table;

/// A chart and the charts within it. Never changes once it is loaded.
#[derive(Debug, Default)]
pub(crate) struct ChartData {
    pub(crate) metadata: Metadata,
    pub(crate) values: Table,
    pub(crate) schema: Option<Schema>,
    pub(crate) templates: Vec<ChartFile>,
    /// All other files.
    pub(crate) files: Vec<ChartFile>,
    /// By the names of their directories or archives.
    pub(crate) children: Vec<Arc<ChartData>>,
}

impl ChartData {
    /// Bytes of all files, those of sub-charts included.
    pub(crate) fn bytes(&self) -> u64 {
        let own: usize = self.templates.iter().chain(&self.files).map(|file| file.data.len()).sum();
        own as u64 + self.children.iter().map(|child| child.bytes()).sum::<u64>()
    }
}
