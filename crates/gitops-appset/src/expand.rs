//! From a set to its applications: [`expand`]. `applicationset.md` §2 and §3.

use std::collections::BTreeSet;
use std::fmt;

use gitops_app::{API_VERSION, Application, ApplicationSet, KIND};
use gitops_manifest::{Location, Manifest, Map, Value};

use crate::error::ExpandError;
use crate::generator::Context;
use crate::name::is_name;
use crate::params;
use crate::patch;
use crate::template::{Engine, GoTemplate};
use crate::world::World;

/// Takes its objects along when an application is deleted.
const RESOURCES_FINALIZER: &str = "resources-finalizer.argocd.argoproj.io";

/// How much a set may make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most parameter sets of one generator. Default 20,000.
    pub parameter_sets: usize,
    /// Most entries of a repository that are looked at. Default 2,000,000.
    pub tree_entries: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { parameter_sets: 20_000, tree_entries: 2_000_000 }
    }
}

/// What a caller has to say about an application, before it is accepted.
pub(crate) type Check<'a> = &'a dyn Fn(&Application) -> Result<(), String>;

/// How sets are expanded.
#[derive(Clone, Copy)]
pub struct Settings<'a> {
    /// Who renders Go's templates; without, a set with `goTemplate: true` is an error.
    pub go_templates: Option<&'a dyn GoTemplate>,
    /// Whether patterns of files are `**` ones, rather than git's.
    pub double_star: bool,
    /// Whether the git generator sees directories that begin with a dot.
    pub hidden_directories: bool,
    /// Whether forges may be asked.
    pub forges: bool,
    /// Which addresses of forges a set may name; empty is any.
    pub allowed_forges: &'a [String],
    /// Whether an application's project and destination are there.
    pub check: Option<Check<'a>>,
    /// How much a set may make.
    pub limits: Limits,
}

impl Default for Settings<'_> {
    fn default() -> Self {
        Settings {
            go_templates: None,
            double_star: false,
            hidden_directories: false,
            forges: true,
            allowed_forges: &[],
            check: None,
            limits: Limits::default(),
        }
    }
}

impl fmt::Debug for Settings<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").field("limits", &self.limits).field("go_templates", &self.go_templates.is_some()).finish_non_exhaustive()
    }
}

/// What a set comes to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Expansion {
    /// Its applications, in the order of generators and their parameter sets.
    pub applications: Vec<Application>,
    /// Applications that are wrong on their own: neither created nor changed nor deleted.
    pub problems: Vec<ApplicationProblem>,
}

/// An application that is wrong on its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApplicationProblem {
    /// Its name, as far as it has one.
    pub name: String,
    /// What is wrong and what to do.
    pub reason: String,
}

impl Expansion {
    /// The problems as one line, as the condition of a set shows them.
    pub fn problem_line(&self) -> Option<String> {
        let last = self.problems.last()?;
        Some(match self.problems.len() {
            1 => last.reason.clone(),
            n => format!("{} (and {} more)", last.reason, n - 1),
        })
    }
}

/// Expands a set.
///
/// # Errors
/// When a generator or a template fails: nothing may be created, changed or deleted then.
pub fn expand(set: &ApplicationSet, world: &dyn World, settings: &Settings<'_>) -> Result<Expansion, ExpandError> {
    let engine = engine(set, settings)?;
    let mut expansion = Expansion::default();
    let mut names = BTreeSet::new();
    for (template, params) in sets(set, world, settings, engine)? {
        let body = body(set, engine, &template, &params)?;
        let name = body.str_at(&["metadata", "name"]).unwrap_or("").to_owned();
        match accept(set, settings, body, &name, &mut names) {
            Ok(application) => expansion.applications.push(application),
            Err(reason) => expansion.problems.push(ApplicationProblem { name, reason }),
        }
    }
    Ok(expansion)
}

/// The parameter sets of a set, in order: what a preview shows.
///
/// # Errors
/// As [`expand`].
pub fn parameters(set: &ApplicationSet, world: &dyn World, settings: &Settings<'_>) -> Result<Vec<Map>, ExpandError> {
    Ok(sets(set, world, settings, engine(set, settings)?)?.into_iter().map(|(_, params)| params).collect())
}

fn engine<'a>(set: &'a ApplicationSet, settings: &Settings<'a>) -> Result<Engine<'a>, ExpandError> {
    if !set.spec.go_template {
        return Ok(Engine::Plain);
    }
    match settings.go_templates {
        Some(templates) => Ok(Engine::Go { templates, options: &set.spec.go_template_options }),
        None => Err(ExpandError::rule("spec.goTemplate", "Go templates cannot be rendered here; use `{{name}}` and goTemplate: false")),
    }
}

/// Every parameter set with the template it is for.
fn sets(set: &ApplicationSet, world: &dyn World, settings: &Settings<'_>, engine: Engine<'_>) -> Result<Vec<(Map, Map)>, ExpandError> {
    let Value::Map(base) = set.template() else { return Err(ExpandError::rule("spec.template", "must be a map")) };
    let template = Value::Map(base.clone());
    let project = template.str_at(&["spec", "project"]).unwrap_or("");
    let project = if project.is_empty() { "default" } else { project };
    let context = Context {
        world,
        settings,
        engine,
        name: &set.metadata.name,
        namespace: &set.metadata.namespace,
        // What a template would name is known only once the repository was read.
        project: Some(project).filter(|p| !p.contains("{{")),
    };
    let mut out = Vec::new();
    for (i, block) in set.generators().iter().enumerate() {
        let at = format!("spec.generators[{i}]");
        let made = context.transform(&at, block, None)?;
        if made.is_empty() {
            return Err(ExpandError::rule(&at, "holds no generator; take it away, or name one: list, clusters, git, …"));
        }
        for one in made {
            let template = match one.template {
                // Raw values of a chart are one thing: they are not mixed.
                Some(Value::Map(own)) => params::fill(&own, &base, &["valuesObject"]),
                _ => base.clone(),
            };
            out.extend(one.sets.into_iter().map(|params| (template.clone(), params)));
            context.limit(&at, out.len())?;
        }
    }
    Ok(out)
}

/// One rendered and patched application, not checked yet.
fn body(set: &ApplicationSet, engine: Engine<'_>, template: &Map, params: &Map) -> Result<Value, ExpandError> {
    let mut body: Map =
        template.iter().filter(|(k, _)| matches!(k.as_str(), "metadata" | "spec")).map(|(k, v)| (k.clone(), v.clone())).collect();
    if !params.is_empty() {
        let Value::Map(rendered) = engine.value("spec.template", &Value::Map(body), params)? else {
            return Err(ExpandError::rule("spec.template", "must be a map"));
        };
        body = rendered;
        add_finalizer(set, &mut body);
    }
    let project = body.get("spec").and_then(|s| s.get("project")).cloned();
    if let Some(patch) = &set.spec.template_patch {
        let rendered = engine.text("spec.templatePatch", patch, params)?;
        if let Some(patch) = patch::read(&rendered)? {
            patch::apply(&mut body, &patch);
        }
        let mut value = Value::Map(body);
        Application::prune_unknown(&mut value);
        body = match value {
            Value::Map(body) => body,
            _ => Map::new(),
        };
        if let (Some(project), Some(spec)) = (project, body.get_mut("spec").and_then(Value::as_map_mut)) {
            spec.insert("project", project);
        }
    }
    body.insert("apiVersion", API_VERSION);
    body.insert("kind", KIND);
    force_namespace(&mut body, &set.metadata.namespace);
    hold_automation(set, &mut body);
    Ok(Value::Map(body))
}

fn member<'m>(body: &'m mut Map, key: &str) -> Option<&'m mut Map> {
    let member = body.entry_or_null(key);
    if member.is_null() {
        *member = Value::Map(Map::new());
    }
    member.as_map_mut()
}

fn add_finalizer(set: &ApplicationSet, body: &mut Map) {
    let preserve = set.spec.sync_policy.as_ref().is_some_and(|p| p.preserve_resources_on_deletion);
    let Some(metadata) = member(body, "metadata") else { return };
    let has = metadata.get("finalizers").and_then(Value::as_list).is_some_and(|f| !f.is_empty());
    if !preserve && !has {
        metadata.insert("finalizers", Value::List(vec![RESOURCES_FINALIZER.into()]));
    }
}

fn force_namespace(body: &mut Map, namespace: &str) {
    let Some(metadata) = member(body, "metadata") else { return };
    if namespace.is_empty() {
        metadata.remove("namespace");
    } else {
        metadata.insert("namespace", namespace);
    }
}

/// Where syncs go in steps, the set starts them: automation is written down as switched off.
fn hold_automation(set: &ApplicationSet, body: &mut Map) {
    if set.spec.strategy.as_ref().and_then(gitops_app::SetStrategy::steps).is_none() {
        return;
    }
    let policy = body.get_mut("spec").and_then(Value::as_map_mut).and_then(|s| s.get_mut("syncPolicy")).and_then(Value::as_map_mut);
    if let Some(automated) = policy.and_then(|p| p.get_mut("automated")).and_then(Value::as_map_mut) {
        automated.insert("enabled", false);
    }
}

fn accept(
    set: &ApplicationSet,
    settings: &Settings<'_>,
    body: Value,
    name: &str,
    names: &mut BTreeSet<String>,
) -> Result<Application, String> {
    let of = &set.metadata.name;
    if name.is_empty() {
        return Err(format!("ApplicationSet {of} makes an application without a name: check template.metadata.name"));
    }
    if !is_name(name) {
        return Err(format!("application name '{name}' is no name of an object: use lower case letters, digits, `-` and `.` only"));
    }
    if !names.insert(name.to_owned()) {
        return Err(format!("ApplicationSet {of} contains applications with duplicate name: {name}: put a parameter that differs into it"));
    }
    let at = Location::file(format!("ApplicationSet {of}, application {name}"));
    let manifest = Manifest::from_value(body, at).map_err(|e| e.to_string())?;
    let application = Application::from_manifest(&manifest).map_err(|e| e.to_string())?;
    if let Some(check) = settings.check {
        check(&application)?;
    }
    Ok(application)
}
