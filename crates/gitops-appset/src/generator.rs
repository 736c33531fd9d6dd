//! Generators: each makes parameter sets. `applicationset.md` §2.
//!
//! A block may hold several kinds; their results are joined in the order of [`KINDS`]. A `selector` beside the kind keeps the
//! sets whose flattened parameters match.

mod clusters;
mod combine;
mod decision;
mod forge;
mod git;
mod list;
mod plugin;

use std::time::Duration;

use gitops_manifest::{Map, Value};

use crate::error::ExpandError;
use crate::expand::Settings;
use crate::params;
use crate::selector::Selector;
use crate::template::Engine;
use crate::world::World;

/// The kinds, in the order in which a block that holds several is read.
const KINDS: [&str; 9] = ["list", "clusters", "git", "scmProvider", "clusterDecisionResource", "pullRequest", "matrix", "merge", "plugin"];

/// What every generator needs.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) world: &'a dyn World,
    pub(crate) settings: &'a Settings<'a>,
    pub(crate) engine: Engine<'a>,
    /// Name and namespace of the set.
    pub(crate) name: &'a str,
    pub(crate) namespace: &'a str,
    /// The project of the template; none when it is itself a template.
    pub(crate) project: Option<&'a str>,
}

/// What one kind of one block made.
pub(crate) struct Generated {
    pub(crate) sets: Vec<Map>,
    /// The template of the generator, laid over that of the set.
    pub(crate) template: Option<Value>,
}

impl Context<'_> {
    /// Runs every kind of a block. `outer` are the parameters of a matrix's first child.
    pub(crate) fn transform(&self, at: &str, block: &Value, outer: Option<&Map>) -> Result<Vec<Generated>, ExpandError> {
        let selector = Selector::read(block.get("selector")).map_err(|reason| ExpandError::rule(at, reason))?;
        let mut out = Vec::new();
        for kind in KINDS {
            let Some(definition) = block.get(kind).filter(|d| !d.is_null()) else { continue };
            let at = format!("{at}.{kind}");
            let mut sets = match outer.filter(|o| !o.is_empty()) {
                Some(outer) => self.generate(&at, kind, &self.interpolate(&at, kind, definition, outer)?)?,
                None => self.generate(&at, kind, definition)?,
            };
            if !selector.is_empty() {
                sets.retain(|set| selector.matches(&params::flatten(set)));
            }
            self.limit(&at, sets.len())?;
            out.push(Generated { sets, template: definition.get("template").cloned() });
        }
        Ok(out)
    }

    pub(crate) fn limit(&self, at: &str, sets: usize) -> Result<(), ExpandError> {
        let limit = self.settings.limits.parameter_sets;
        if sets > limit { Err(ExpandError::TooMany { at: at.to_owned(), limit }) } else { Ok(()) }
    }

    fn generate(&self, at: &str, kind: &str, block: &Value) -> Result<Vec<Map>, ExpandError> {
        match kind {
            "list" => list::generate(self, at, block),
            "clusters" => clusters::generate(self, at, block),
            "git" => git::generate(self, at, block),
            "scmProvider" => forge::repositories(self, at, block),
            "pullRequest" => forge::pull_requests(self, at, block),
            "clusterDecisionResource" => decision::generate(self, at, block),
            "plugin" => plugin::generate(self, at, block),
            "matrix" => combine::matrix(self, at, block),
            _ => combine::merge(self, at, block),
        }
    }

    /// A definition with the parameters of a matrix's first child rendered in. `values` that name what is not known yet stay
    /// as they are: they are rendered again, with what the generator itself makes.
    fn interpolate(&self, at: &str, kind: &str, definition: &Value, outer: &Map) -> Result<Value, ExpandError> {
        let Some(members) = definition.as_map() else { return Ok(definition.clone()) };
        let mut out = Map::new();
        for (key, value) in members.iter() {
            let key = key.as_str();
            let at = format!("{at}.{key}");
            let rendered = match (key, value) {
                // A child's template is not looked at.
                ("template", _) => continue,
                ("values", Value::Map(values)) => Value::Map(self.interpolate_values(&at, values, outer)?),
                ("generators", Value::List(children)) if matches!(kind, "matrix" | "merge") => {
                    Value::List(children.iter().map(|child| self.interpolate_child(&at, child, outer)).collect::<Result<_, _>>()?)
                }
                _ => self.engine.value(&at, value, outer)?,
            };
            out.insert(key, rendered);
        }
        Ok(Value::Map(out))
    }

    fn interpolate_child(&self, at: &str, child: &Value, outer: &Map) -> Result<Value, ExpandError> {
        let Some(members) = child.as_map() else { return Ok(child.clone()) };
        let render = |key: &str, value: &Value| match key {
            "selector" => self.engine.value(at, value, outer),
            kind => self.interpolate(at, kind, value, outer),
        };
        let mut out = Map::new();
        for (key, value) in members.iter() {
            out.insert(key.clone(), render(key.as_str(), value)?);
        }
        Ok(Value::Map(out))
    }

    fn interpolate_values(&self, at: &str, values: &Map, outer: &Map) -> Result<Map, ExpandError> {
        let mut out = Map::new();
        for (key, value) in values.iter() {
            let template = value.as_str().unwrap_or("");
            let text = match self.engine {
                Engine::Plain => self.engine.text(at, template, outer)?,
                Engine::Go { templates, options } if template.contains("{{") => {
                    let mut options = options.to_vec();
                    options.push("missingkey=error".to_owned());
                    templates.render(template, outer, &options).unwrap_or_else(|_| template.to_owned())
                }
                Engine::Go { .. } => template.to_owned(),
            };
            out.insert(key.clone(), text);
        }
        Ok(out)
    }
}

/// The items of a list of a block; none when it is not there.
fn items<'v>(block: &'v Value, key: &str) -> &'v [Value] {
    block.get(key).and_then(Value::as_list).unwrap_or(&[])
}

/// A text of a block; empty when it is not there.
fn text<'v>(block: &'v Value, key: &str) -> &'v str {
    block.str_at(&[key]).unwrap_or("")
}

fn flag(block: &Value, key: &str) -> bool {
    block.get(key).and_then(Value::as_bool).unwrap_or(false)
}

/// After how long a set is looked at again though nothing was told; none when only changes matter.
pub fn requeue_after(generators: &[Value], git_default: Duration) -> Option<Duration> {
    const FORGE: Duration = Duration::from_secs(30 * 60);
    let of_kind = |block: &Value, kind: &str| -> Option<Duration> {
        let definition = block.get(kind).filter(|d| !d.is_null())?;
        if matches!(kind, "matrix" | "merge") {
            return requeue_after(items(definition, "generators"), git_default);
        }
        let default = match kind {
            "git" | "clusterDecisionResource" => git_default,
            "scmProvider" | "pullRequest" | "plugin" => FORGE,
            _ => return None,
        };
        let seconds = definition.get("requeueAfterSeconds").and_then(Value::as_i64);
        seconds.map_or(Some(default), |s| u64::try_from(s).ok().map(Duration::from_secs)).filter(|d| !d.is_zero())
    };
    generators.iter().flat_map(|block| KINDS.iter().filter_map(move |kind| of_kind(block, kind))).min()
}
