//! Which sub-charts take part, under which names, with which defaults: what Helm calls processing dependencies.
//!
//! Instances are made for each rendering, because the values decide. One chart may be there several times under aliases.
//! Helm's own copies of a chart share its dependency list and, where Chart.yaml does not list them, its sub-charts; what that
//! leads to (an alias that was already put in place of a name; the path of a sub-chart that two aliases share) shows in
//! outputs, so instances and dependencies are numbered here and shared in the same way.

use std::sync::Arc;

use gitops_manifest::Value;
use gitops_template::sprig::semver::{Constraint, Version};
use gitops_template::{Str, fmt};

use crate::chart::{ChartData, Dependency};
use crate::error::RenderError;
use crate::values::aliased::{Endless, Tables};
use crate::values::coalesce::{self, Defaults, Nulls, Sharing};
use crate::values::{Table, Val};

/// Most instances of one rendering: aliases of charts with aliases multiply.
const MAX_INSTANCES: usize = 20_000;
/// Longest path that values are imported to.
const MAX_IMPORT_DEPTH: usize = 100;

/// An instance by its number.
pub(crate) type Id = usize;

/// The charts of one rendering.
pub(crate) struct Instances {
    nodes: Vec<Node>,
    dependencies: Vec<Requirement>,
    warnings: Vec<String>,
}

#[derive(Clone)]
pub(crate) struct Node {
    pub(crate) data: Arc<ChartData>,
    pub(crate) name: Str,
    pub(crate) parent: Option<Id>,
    pub(crate) children: Vec<Id>,
    /// `None`: no list at all, which Helm treats unlike an empty one.
    requirements: Option<Vec<usize>>,
    /// The number of the first that Chart.yaml lists.
    first_requirement: usize,
    values: Table,
}

/// A dependency as Chart.yaml lists it, and what has become of it.
struct Requirement {
    name: String,
    alias: String,
    version: String,
    condition: String,
    tags: Vec<String>,
    imports: Vec<Value>,
    enabled: bool,
}

/// A chart and those below it as coalescing sees them.
struct Level {
    name: Str,
    values: Table,
    children: Vec<Level>,
}

impl Defaults for Level {
    fn name(&self) -> &Str {
        &self.name
    }
    fn defaults(&self) -> &Table {
        &self.values
    }
    fn children(&self) -> impl Iterator<Item = &Level> {
        self.children.iter()
    }
}

impl Instances {
    fn level(&self, id: Id) -> Level {
        let node = &self.nodes[id];
        Level { name: node.name.clone(), values: node.values.clone(), children: node.children.iter().map(|c| self.level(*c)).collect() }
    }

    /// The instances that `values` enable, the root's defaults holding those of all sub-charts and what was imported.
    pub(crate) fn new(root: &Arc<ChartData>, values: &Table) -> Result<Instances, RenderError> {
        let mut instances = Instances { nodes: Vec::new(), dependencies: Vec::new(), warnings: Vec::new() };
        instances.add(root, None)?;
        instances.check_present()?;
        instances.enable(Instances::ROOT, values, "")?;
        instances.import_all(Instances::ROOT)?;
        Ok(instances)
    }

    pub(crate) const ROOT: Id = 0;

    pub(crate) fn node(&self, id: Id) -> &Node {
        &self.nodes[id]
    }

    /// The dependencies of an instance that are left: as Chart.yaml lists each, the name it has now, whether it is enabled.
    /// Those of a chart that nobody lists are never looked at, and stay as they were.
    pub(crate) fn requirements(&self, id: Id) -> impl Iterator<Item = (&Dependency, &str, bool)> {
        let node = &self.nodes[id];
        let listed = node.data.metadata.dependencies.as_deref().unwrap_or_default();
        node.requirements.iter().flatten().filter_map(move |r| {
            let requirement = &self.dependencies[*r];
            Some((listed.get(r.checked_sub(node.first_requirement)?)?, requirement.name.as_str(), requirement.enabled))
        })
    }

    pub(crate) fn take_warnings(&mut self) -> Vec<String> {
        std::mem::take(&mut self.warnings)
    }

    /// The values to render with: the user's over all defaults.
    pub(crate) fn coalesce(&self, values: &Table) -> Result<(Table, Vec<Sharing>), RenderError> {
        coalesce::coalesce(&self.level(Instances::ROOT), values, Nulls::Remove).map_err(RenderError::from)
    }

    /// The path of an instance's files: its parents' names joined by `charts/`.
    pub(crate) fn full_path(&self, id: Id) -> String {
        let node = &self.nodes[id];
        match node.parent {
            Some(parent) => format!("{}/charts/{}", self.full_path(parent), node.name.text()),
            None => node.name.text().into_owned(),
        }
    }

    fn push(&mut self, node: Node) -> Result<Id, RenderError> {
        if self.nodes.len() >= MAX_INSTANCES {
            return Err(RenderError::TooManyCharts { limit: MAX_INSTANCES });
        }
        self.nodes.push(node);
        Ok(self.nodes.len() - 1)
    }

    fn add(&mut self, data: &Arc<ChartData>, parent: Option<Id>) -> Result<Id, RenderError> {
        let first_requirement = self.dependencies.len();
        let requirements = data.metadata.dependencies.as_ref().map(|list| {
            let from = self.dependencies.len();
            self.dependencies.extend(list.iter().map(|d| Requirement {
                name: d.name.clone(),
                alias: d.alias.clone(),
                version: d.version.clone(),
                condition: d.condition.clone(),
                tags: d.tags.clone(),
                imports: d.import_values.clone(),
                enabled: false,
            }));
            (from..self.dependencies.len()).collect()
        });
        let name = Str::from(data.metadata.name.as_str());
        let node = Node {
            data: Arc::clone(data),
            name,
            parent,
            children: Vec::new(),
            requirements,
            first_requirement,
            values: data.values.clone(),
        };
        let id = self.push(node)?;
        for child in &data.children {
            let child = self.add(child, Some(id))?;
            self.nodes[id].children.push(child);
        }
        Ok(id)
    }

    /// Each dependency of the root must be there, whether it will be enabled or not.
    fn check_present(&self) -> Result<(), RenderError> {
        let root = &self.nodes[Instances::ROOT];
        let is_there = |r: &Requirement| root.children.iter().any(|c| self.nodes[*c].data.metadata.name == r.name);
        let required = root.requirements.iter().flatten().map(|r| &self.dependencies[*r]);
        let missing: Vec<String> = required.filter(|r| !is_there(r)).map(|r| r.name.clone()).collect();
        if missing.is_empty() { Ok(()) } else { Err(RenderError::MissingDependencies { missing }) }
    }

    fn set_children(&mut self, id: Id, children: Vec<Id>) {
        for child in &children {
            self.nodes[*child].parent = Some(id);
        }
        self.nodes[id].children = children;
    }

    fn fits(&self, requirement: usize, id: Id) -> bool {
        let (requirement, node) = (&self.dependencies[requirement], &self.nodes[id]);
        node.name == requirement.name.as_str() && is_in_range(&requirement.version, &node.data.metadata.version)
    }

    fn enable(&mut self, id: Id, values: &Table, path: &str) -> Result<(), RenderError> {
        let Some(requirements) = self.nodes[id].requirements.clone() else { return Ok(()) };
        self.choose(id, &requirements)?;
        for r in &requirements {
            self.dependencies[*r].enabled = true;
        }
        let level = self.level(id);
        let (values, _) = coalesce::coalesce(&level, values, Nulls::Remove)?;
        drop(level);
        self.apply_tags(&requirements, &values);
        self.apply_conditions(&requirements, &values, path);
        let disabled: Vec<Str> =
            requirements.iter().map(|r| &self.dependencies[*r]).filter(|r| !r.enabled).map(|r| Str::from(r.name.as_str())).collect();
        let children: Vec<Id> = self.nodes[id].children.iter().copied().filter(|c| !disabled.contains(&self.nodes[*c].name)).collect();
        for child in &children {
            let path = format!("{path}{}.", self.nodes[*child].name.text());
            self.enable(*child, &values, &path)?;
        }
        let kept: Vec<usize> =
            requirements.into_iter().filter(|r| !disabled.contains(&Str::from(self.dependencies[*r].name.as_str()))).collect();
        self.nodes[id].requirements = (!kept.is_empty()).then_some(kept);
        self.set_children(id, children);
        Ok(())
    }

    /// The sub-charts that Chart.yaml does not list, then those it lists, each under its alias.
    fn choose(&mut self, id: Id, requirements: &[usize]) -> Result<(), RenderError> {
        let there = self.nodes[id].children.clone();
        let mut chosen: Vec<Id> = there.iter().copied().filter(|c| !requirements.iter().any(|r| self.fits(*r, *c))).collect();
        for r in requirements {
            let found = there.iter().copied().find(|c| self.fits(*r, *c));
            let alias = self.dependencies[*r].alias.clone();
            if let Some(found) = found {
                let mut copy = self.nodes[found].clone();
                if !alias.is_empty() {
                    copy.name = Str::from(alias.as_str());
                }
                chosen.push(self.push(copy)?);
            }
            if !alias.is_empty() {
                self.dependencies[*r].name = alias;
            }
        }
        self.set_children(id, chosen);
        Ok(())
    }

    fn apply_tags(&mut self, requirements: &[usize], values: &Table) {
        let Some(tags) = values.table("tags") else { return };
        for r in requirements {
            let requirement = &mut self.dependencies[*r];
            let (mut on, mut off) = (false, false);
            for tag in &requirement.tags {
                match tags.get(tag.as_bytes()) {
                    Some(Val::Bool(true)) => on = true,
                    Some(Val::Bool(false)) => off = true,
                    Some(_) => self.warnings.push(format!("tag '{tag}' for chart {} returned non-bool value", requirement.name)),
                    None => {}
                }
            }
            requirement.enabled = on || !off;
        }
    }

    fn apply_conditions(&mut self, requirements: &[usize], values: &Table, path: &str) {
        for r in requirements {
            let requirement = &mut self.dependencies[*r];
            for condition in requirement.condition.trim().split(',').filter(|c| !c.is_empty()) {
                match values.scalar_at(&format!("{path}{condition}")) {
                    Some(Val::Bool(on)) => {
                        requirement.enabled = *on;
                        break;
                    }
                    Some(_) => {
                        self.warnings.push(format!("condition path '{condition}' for chart {} returned non-bool value", requirement.name))
                    }
                    None => {}
                }
            }
        }
    }

    fn import_all(&mut self, id: Id) -> Result<(), RenderError> {
        for child in self.nodes[id].children.clone() {
            self.import_all(child)?;
        }
        self.import(id)
    }

    /// Makes the values of sub-charts defaults of the chart itself, those named by `import-values` in other places too.
    fn import(&mut self, id: Id) -> Result<(), RenderError> {
        let Some(requirements) = self.nodes[id].requirements.clone() else { return Ok(()) };
        let (mut values, _) = coalesce::coalesce(&self.level(id), &Table::default(), Nulls::Keep)?;
        let imports = |r: &usize| !self.dependencies[*r].imports.is_empty();
        if requirements.iter().any(imports) {
            values = self.with_imports(id, &requirements, &values)?;
        }
        self.nodes[id].values = values;
        Ok(())
    }

    fn with_imports(&mut self, id: Id, requirements: &[usize], values: &Table) -> Result<Table, RenderError> {
        let mut tables = Tables::default();
        let (own, imported) = (tables.add(values), tables.add(&Table::default()));
        for r in requirements {
            let requirement = &self.dependencies[*r];
            for (child, parent) in requirement.imports.iter().filter_map(import_paths) {
                let Some(table) = tables.at(own, &format!("{}.{child}", requirement.name)) else {
                    let (name, chart) = (&requirement.name, &self.nodes[id].data.metadata.name);
                    self.warnings.push(format!("{chart}: import-values: no table `{child}` in the values of {name}"));
                    continue;
                };
                if parent.split('.').count() > MAX_IMPORT_DEPTH {
                    return Err(RenderError::ImportTooDeep { path: parent.chars().take(80).collect(), limit: MAX_IMPORT_DEPTH });
                }
                let table = if parent == "." { table } else { tables.wrapped(&parent, table) };
                tables.merge(imported, table, 0).map_err(|Endless| RenderError::EndlessImport)?;
            }
        }
        let endless = |Endless| RenderError::EndlessImport;
        let (mut values, imported) = (tables.table(own, 0).map_err(endless)?, tables.table(imported, 0).map_err(endless)?);
        coalesce::under(&mut values, &imported, Nulls::Keep);
        Ok(values)
    }
}

/// Where an import comes from (below the sub-chart's values) and goes to.
pub(crate) fn import_paths(import: &Value) -> Option<(String, String)> {
    match import {
        Value::String(name) => Some((format!("exports.{name}"), ".".to_owned())),
        Value::Map(map) => {
            let text = |key: &str| {
                let value = map.get(key).map_or(gitops_template::Value::Nil, gitops_template::Value::from);
                fmt::display(&value).map_or_else(|_| String::new(), |s| s.text().into_owned())
            };
            Some((text("child"), text("parent")))
        }
        _ => None,
    }
}

/// Whether a version lies in a range; what cannot be read never does.
pub(crate) fn is_in_range(range: &str, version: &str) -> bool {
    match (Constraint::parse(range), Version::parse(version)) {
        (Ok(range), Ok(version)) => range.matches(&version),
        _ => false,
    }
}
