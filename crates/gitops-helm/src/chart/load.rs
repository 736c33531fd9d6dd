//! From files to a chart: what each file of a chart is for.

use std::collections::BTreeMap;
use std::sync::Arc;

use gitops_manifest::Value;
use gitops_tree::{EntryKind, Tree, TreePath};

use super::error::LoadError;
use super::metadata::Metadata;
use super::{ChartData, directory};
use crate::archive::{self, Budget, ChartFile};
use crate::document;
use crate::limits::Limits;
use crate::schema::Schema;
use crate::values::Table;

/// Loads the chart at `path`: a directory, or a packaged chart.
pub(crate) fn from_tree(tree: &dyn Tree, path: &TreePath, limits: &Limits, warnings: &mut Vec<String>) -> Result<ChartData, LoadError> {
    let mut budget = Budget::new(limits);
    let mut loader = Loader { limits, warnings };
    match tree.entry(path)?.map(|e| e.kind) {
        None => Err(LoadError::NotFound(path.to_string())),
        Some(EntryKind::File) => {
            let bytes = tree.read(path)?.unwrap_or_default();
            loader.archive(&bytes, &mut budget, 0)
        }
        Some(_) => {
            let files = directory::files(tree, path, limits, &mut budget)?;
            loader.chart(files, &mut budget, 0)
        }
    }
}

/// Loads a packaged chart.
pub(crate) fn from_archive(bytes: &[u8], limits: &Limits, warnings: &mut Vec<String>) -> Result<ChartData, LoadError> {
    Loader { limits, warnings }.archive(bytes, &mut Budget::new(limits), 0)
}

struct Loader<'l> {
    limits: &'l Limits,
    warnings: &'l mut Vec<String>,
}

impl Loader<'_> {
    fn archive(&mut self, bytes: &[u8], budget: &mut Budget, depth: usize) -> Result<ChartData, LoadError> {
        let files = archive::unpack(bytes, self.limits, budget)?;
        self.chart(files, budget, depth)
    }

    fn chart(&mut self, files: Vec<ChartFile>, budget: &mut Budget, depth: usize) -> Result<ChartData, LoadError> {
        let mut metadata = None;
        for file in files.iter().filter(|f| f.name == "Chart.yaml") {
            let metadata: &mut Metadata = metadata.get_or_insert_default();
            read_into(metadata, "Chart.yaml", &file.data)?;
            if metadata.api_version.is_empty() {
                metadata.api_version = V1.to_owned();
            }
        }
        let mut chart = ChartData::default();
        let mut subcharts: BTreeMap<String, Vec<ChartFile>> = BTreeMap::new();
        for file in files {
            self.sort(file, &mut chart, &mut metadata, &mut subcharts)?;
        }
        chart.metadata = metadata.ok_or(LoadError::NoChart)?;
        chart.metadata.validate()?;
        for (name, files) in subcharts {
            if let Some(child) = self.subchart(&chart.metadata.name, &name, files, budget, depth + 1)? {
                chart.children.push(Arc::new(child));
            }
        }
        Ok(chart)
    }

    /// Puts one file where it belongs.
    fn sort(
        &mut self,
        file: ChartFile,
        chart: &mut ChartData,
        metadata: &mut Option<Metadata>,
        subcharts: &mut BTreeMap<String, Vec<ChartFile>>,
    ) -> Result<(), LoadError> {
        match file.name.as_str() {
            "Chart.yaml" => {}
            "Chart.lock" => check_lock("Chart.lock", &file.data)?,
            "values.yaml" => chart.values = values(&file.data)?,
            "values.schema.json" => chart.schema = Some(Schema::new(file.data)),
            "requirements.yaml" => {
                let metadata = metadata.get_or_insert_default();
                if metadata.api_version != V1 {
                    self.warnings.push(format!("{}: dependencies belong into Chart.yaml when apiVersion is v2", metadata.name));
                }
                read_into(metadata, "requirements.yaml", &file.data)?;
                if metadata.api_version == V1 {
                    chart.files.push(file);
                }
            }
            "requirements.lock" => {
                check_lock("requirements.lock", &file.data)?;
                if metadata.get_or_insert_default().api_version == V1 {
                    chart.files.push(file);
                }
            }
            name if name.starts_with("templates/") => chart.templates.push(file),
            name if name.starts_with("charts/") && !name.ends_with(".prov") => {
                let inner = &name["charts/".len()..];
                let child = inner.split('/').next().unwrap_or(inner).to_owned();
                subcharts.entry(child).or_default().push(ChartFile { name: inner.to_owned(), data: file.data });
            }
            _ => chart.files.push(file),
        }
        Ok(())
    }

    fn subchart(
        &mut self,
        chart: &str,
        name: &str,
        files: Vec<ChartFile>,
        budget: &mut Budget,
        depth: usize,
    ) -> Result<Option<ChartData>, LoadError> {
        if name.starts_with(['_', '.']) {
            return Ok(None);
        }
        if depth > self.limits.max_depth {
            return Err(LoadError::TooDeep { path: format!("{chart}/charts/{name}"), limit: self.limits.max_depth });
        }
        let child = if extension(name) == ".tgz" {
            match files.first() {
                Some(file) if file.name == name => self.archive(&file.data, budget, depth),
                other => {
                    let found = other.map(|f| f.name.clone()).unwrap_or_default();
                    return Err(LoadError::NotAnArchive { chart: chart.to_owned(), name: name.to_owned(), found });
                }
            }
        } else {
            let inside = files.into_iter().filter_map(|f| {
                let (_, rest) = f.name.split_once('/')?;
                Some(ChartFile { name: rest.to_owned(), data: f.data })
            });
            self.chart(inside.collect(), budget, depth)
        };
        child.map(Some).map_err(|error| LoadError::SubChart { name: name.to_owned(), chart: chart.to_owned(), error: Box::new(error) })
    }
}

const V1: &str = "v1";

/// Go's `filepath.Ext`.
pub(crate) fn extension(name: &str) -> &str {
    let name = name.rsplit_once('/').map_or(name, |(_, name)| name);
    name.rfind('.').map_or("", |dot| &name[dot..])
}

fn parse(file: &'static str, data: &[u8]) -> Result<Value, LoadError> {
    document::first_default(data, file).map_err(|reason| LoadError::Yaml { file, reason })
}

fn read_into(metadata: &mut Metadata, file: &'static str, data: &[u8]) -> Result<(), LoadError> {
    metadata.read(&parse(file, data)?).map_err(|error| LoadError::Field { file, error })
}

fn values(data: &[u8]) -> Result<Table, LoadError> {
    let file = "values.yaml";
    match parse(file, data)? {
        Value::Null => Ok(Table::default()),
        Value::Map(map) => Ok(Table::from(&map)),
        other => Err(LoadError::Field {
            file,
            error: super::decode::FieldError {
                found: document::go_kind(&other),
                place: "value".to_owned(),
                wanted: "map[string]interface {}",
            },
        }),
    }
}

/// A lock is not used for rendering, but one that is none makes Helm refuse the chart.
fn check_lock(file: &'static str, data: &[u8]) -> Result<(), LoadError> {
    let value = parse(file, data)?;
    super::metadata::check_lock(&value).map_err(|error| LoadError::Field { file, error })
}
