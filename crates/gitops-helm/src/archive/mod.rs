//! Chart archives (`.tgz`): unpacked in memory, with Helm's checks of paths and sizes.
//!
//! Nothing is ever written to a disk, so a path can do no harm by itself; those that Helm refuses are refused all the
//! same (absolute, `..`, drive letters, files outside the one base directory). Links are empty files, as for Helm: they
//! are never followed. What an archive unpacks to is bounded before it is unpacked.

mod gzip;
mod tar;
mod tree;

use std::sync::Arc;

use crate::limits::Limits;
pub use tree::ArchiveTree;

/// Why an archive is no chart archive.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// Not gzip.
    #[error("not a gzip-compressed archive: a packaged chart is what `helm package` writes")]
    NotGzip,
    /// Damaged.
    #[error("the archive is damaged: {0}")]
    Damaged(&'static str),
    /// More than may be unpacked.
    #[error("decompressed chart is larger than the maximum file size {0}")]
    ChartTooLarge(u64),
    /// One file that is too large.
    #[error("decompressed chart file {name:?} is larger than the maximum file size {limit}")]
    FileTooLarge {
        /// As in the archive.
        name: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// Too many files.
    #[error("the chart has more than {0} files")]
    TooManyFiles(usize),
    /// A path that a chart may not have.
    #[error("chart illegally contains absolute paths")]
    AbsolutePath,
    /// Beside the base directory.
    #[error("chart illegally contains content outside the base directory: {0:?}")]
    OutsideBase(String),
    /// `..`.
    #[error("chart illegally references parent directory")]
    ParentDirectory,
    /// `c:/`.
    #[error("chart contains illegally named files")]
    DriveName,
    /// `Chart.yaml` at the top.
    #[error("chart yaml not in base directory")]
    NoBaseDirectory,
    /// Nothing in it.
    #[error("no files in chart archive")]
    Empty,
}

/// What may still be read of a chart: shared by a chart and all archives within it, so that archives in archives do not
/// multiply.
#[derive(Debug)]
pub(crate) struct Budget {
    pub(crate) bytes: u64,
    pub(crate) files: usize,
}

impl Budget {
    pub(crate) fn new(limits: &Limits) -> Budget {
        Budget { bytes: limits.max_chart_bytes, files: limits.max_files }
    }
}

/// A file of a chart, by its path in the chart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ChartFile {
    pub(crate) name: String,
    pub(crate) data: Arc<[u8]>,
}

/// The bytes without a byte order mark at their start.
pub(crate) fn without_bom(data: &[u8]) -> &[u8] {
    data.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(data)
}

/// Whether these bytes begin as gzip does.
pub(crate) fn is_gzip(data: &[u8]) -> bool {
    data.starts_with(b"\x1F\x8B\x08")
}

/// Unpacks an archive: its files in their order, paths without the base directory.
pub(crate) fn unpack(data: &[u8], limits: &Limits, budget: &mut Budget) -> Result<Vec<ChartFile>, ArchiveError> {
    if !is_gzip(data) {
        return Err(ArchiveError::NotGzip);
    }
    // Headers and padding of tar come on top of what the files hold.
    let overhead = (budget.files as u64).saturating_mul(2048).min(64 << 20);
    let limit = budget.bytes.saturating_add(overhead);
    let unzipped = gzip::unzip(data, limit).map_err(|e| match e {
        gzip::Failure::TooLarge => ArchiveError::ChartTooLarge(limits.max_chart_bytes),
        gzip::Failure::Damaged(reason) => ArchiveError::Damaged(reason),
    })?;
    let mut files = Vec::new();
    for entry in tar::entries(&unzipped) {
        let entry = entry.map_err(ArchiveError::Damaged)?;
        let name = name_in_chart(&entry.name)?;
        let size = entry.data.len() as u64;
        if size >= budget.bytes {
            return Err(ArchiveError::ChartTooLarge(limits.max_chart_bytes));
        }
        if size > limits.max_file_bytes {
            return Err(ArchiveError::FileTooLarge { name: entry.name, limit: limits.max_file_bytes });
        }
        if budget.files == 0 {
            return Err(ArchiveError::TooManyFiles(limits.max_files));
        }
        budget.bytes -= size;
        budget.files -= 1;
        files.push(ChartFile { name, data: without_bom(entry.data).into() });
    }
    if files.is_empty() { Err(ArchiveError::Empty) } else { Ok(files) }
}

/// The path below the base directory, which is the first part of the name.
fn name_in_chart(name: &str) -> Result<String, ArchiveError> {
    // Archives that were packed on Windows have backslashes throughout.
    let delimiter = if name.contains('\\') { '\\' } else { '/' };
    let (base, rest) = name.split_once(delimiter).unwrap_or((name, ""));
    let rest = rest.replace('\\', "/");
    if rest.starts_with('/') {
        return Err(ArchiveError::AbsolutePath);
    }
    let clean = clean(&rest);
    if clean == "." {
        return Err(ArchiveError::OutsideBase(name.to_owned()));
    }
    if clean.starts_with("..") {
        return Err(ArchiveError::ParentDirectory);
    }
    let bytes = clean.as_bytes();
    if bytes.len() > 2 && bytes[0].is_ascii_alphabetic() && bytes[1] == b':' && bytes[2] == b'/' {
        return Err(ArchiveError::DriveName);
    }
    if base == "Chart.yaml" {
        return Err(ArchiveError::NoBaseDirectory);
    }
    Ok(clean)
}

/// Go's `path.Clean` of a relative path.
fn clean(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    if parts.is_empty() { ".".to_owned() } else { parts.join("/") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_names_are_refused() {
        assert_eq!(name_in_chart("app/a/../b.yaml"), Ok("b.yaml".to_owned()));
        assert_eq!(name_in_chart("app\\templates\\a.yaml"), Ok("templates/a.yaml".to_owned()));
        assert_eq!(name_in_chart("app//etc/passwd"), Err(ArchiveError::AbsolutePath));
        assert_eq!(name_in_chart("app/../../x"), Err(ArchiveError::ParentDirectory));
        assert_eq!(name_in_chart("app/c:/x"), Err(ArchiveError::DriveName));
        assert_eq!(name_in_chart("README"), Err(ArchiveError::OutsideBase("README".into())));
        assert_eq!(name_in_chart("Chart.yaml/x"), Err(ArchiveError::NoBaseDirectory));
    }

    #[test]
    fn what_is_not_gzip_is_said_so() {
        let limits = Limits::default();
        assert_eq!(unpack(b"PK\x03\x04", &limits, &mut Budget::new(&limits)), Err(ArchiveError::NotGzip));
        assert!(matches!(unpack(b"\x1F\x8B\x08", &limits, &mut Budget::new(&limits)), Err(ArchiveError::Damaged(_))));
    }
}
