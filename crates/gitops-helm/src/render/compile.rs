//! The templates of a chart and its sub-charts as one set, kept for the next rendering that enables the same sub-charts.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use gitops_template::{Execution, Functions, MissingKey, Options, Parsed, TemplateError, TemplateSet, Value, sprig};

use super::functions;
use crate::error::RenderError;
use crate::instance::{Id, Instances};
use crate::parallel;

/// Sets that are kept for one chart: values that enable ever other sub-charts do not fill the memory.
const MOST_KEPT: usize = 8;

/// Sets by what they were made of.
#[derive(Default)]
pub(super) struct Kept(Vec<Arc<Compiled>>);

/// All templates of one choice of sub-charts.
pub(super) struct Compiled {
    pub(super) set: TemplateSet,
    /// In the order of running.
    pub(super) templates: Vec<Active>,
}

/// A template that takes part.
#[derive(PartialEq, Eq)]
pub(super) struct Active {
    /// Where it will be found: the instance's path, and its own.
    pub(super) path: String,
    /// `.Template.BasePath`
    pub(super) base: String,
    pub(super) owner: Id,
    /// Only for others to include.
    pub(super) partial: bool,
    /// Whether the text is UTF-8 throughout; what is not is replaced by U+FFFD.
    pub(super) is_utf8: bool,
    /// The text, by its place in memory: the chart owns it as long as the set lives.
    address: usize,
    length: usize,
}

/// A template with its text.
struct Source<'i> {
    active: Active,
    text: &'i [u8],
}

/// The set for these instances, from those kept or made now.
pub(super) fn compiled(kept: &Mutex<Kept>, instances: &Instances) -> Result<Arc<Compiled>, RenderError> {
    let sources = sources(instances);
    let lock = || kept.lock().unwrap_or_else(PoisonError::into_inner);
    let same = |c: &&Arc<Compiled>| c.templates.iter().eq(sources.iter().map(|s| &s.active));
    if let Some(found) = lock().0.iter().find(same) {
        return Ok(Arc::clone(found));
    }
    let compiled = Arc::new(compile(sources)?);
    let mut sets = lock();
    if sets.0.len() >= MOST_KEPT {
        sets.0.remove(0);
    }
    sets.0.push(Arc::clone(&compiled));
    Ok(compiled)
}

fn compile(sources: Vec<Source<'_>>) -> Result<Compiled, RenderError> {
    let mut set =
        TemplateSet::new(FUNCTIONS.clone(), Options { name: "gotpl".to_owned(), missing_key: MissingKey::Zero, ..Options::default() });
    for parsed in parse(&set, &sources) {
        set.add(&parsed.map_err(|e| RenderError::Template(parse_error(&e)))?);
    }
    Ok(Compiled { set, templates: sources.into_iter().map(|source| source.active).collect() })
}

/// All texts parsed, in their order. Each text is parsed once, however many sub-charts bring it along, as they do with library
/// charts.
fn parse(set: &TemplateSet, sources: &[Source<'_>]) -> Vec<Result<Parsed, TemplateError>> {
    let read = |source: &Source<'_>| match std::str::from_utf8(source.text) {
        Ok(text) => set.read(&source.active.path, text),
        Err(_) => set.read(&source.active.path, &String::from_utf8_lossy(source.text)),
    };
    let mut first: HashMap<&[u8], usize> = HashMap::with_capacity(sources.len());
    let mut different: Vec<&Source<'_>> = Vec::with_capacity(sources.len());
    let places: Vec<usize> = sources
        .iter()
        .map(|source| {
            *first.entry(source.text).or_insert_with(|| {
                different.push(source);
                different.len() - 1
            })
        })
        .collect();
    let parsed = parallel::map(&different, |source| read(source));
    let of = |(source, place): (&Source<'_>, usize)| match &parsed[place] {
        Ok(there) if there.name() == source.active.path => Ok(there.clone()),
        Ok(there) => there.renamed(&source.active.path).map_or_else(|| read(source), Ok),
        Err(_) => read(source),
    };
    sources.iter().zip(places).map(of).collect()
}

/// Sprig without what looks at the environment, and Helm's own.
static FUNCTIONS: LazyLock<Functions> = LazyLock::new(|| {
    let sprig: Vec<_> = sprig::FUNCTIONS.iter().filter(|f| !matches!(f.name, "env" | "expandenv")).copied().collect();
    Functions::builtin().with(&sprig).with(functions::FUNCTIONS)
});

/// The templates, deepest path first and then backwards by bytes. Of equal paths the last found counts, sub-charts first.
fn sources(instances: &Instances) -> Vec<Source<'_>> {
    let mut found = HashMap::new();
    collect(instances, Instances::ROOT, &mut found);
    let mut sources: Vec<Source<'_>> = found.into_values().collect();
    let depth = |path: &str| path.bytes().filter(|b| *b == b'/').count();
    sources.sort_by(|a, b| (depth(&b.active.path), &b.active.path).cmp(&(depth(&a.active.path), &a.active.path)));
    sources
}

fn collect<'i>(instances: &'i Instances, id: Id, found: &mut HashMap<String, Source<'i>>) {
    let node = instances.node(id);
    for child in &node.children {
        collect(instances, *child, found);
    }
    let directory = instances.full_path(id);
    let library = node.data.metadata.is_library();
    for file in &node.data.templates {
        let partial = file.name.rsplit('/').next().is_some_and(|name| name.starts_with('_'));
        if library && !partial {
            continue;
        }
        let path = format!("{directory}/{}", file.name);
        let active = Active {
            path: path.clone(),
            base: format!("{directory}/templates"),
            owner: id,
            partial,
            is_utf8: std::str::from_utf8(&file.data).is_ok(),
            address: file.data.as_ptr() as usize,
            length: file.data.len(),
        };
        found.insert(path, Source { active, text: &file.data });
    }
}

/// Helm's words for a template that does not parse: the place, and the last part of the reason.
fn parse_error(error: &TemplateError) -> String {
    let text = error.to_string();
    let parts: Vec<&str> = text.split(": ").collect();
    match parts[..] {
        [_, place, .., reason] => format!("parse error at ({place}): {reason}"),
        _ => format!("parse error: {text}"),
    }
}

/// The name of a release from a template: sprig's functions, and nothing to look at (`--name-template`).
///
/// # Errors
/// When the template does not parse, or fails.
pub fn release_name(template: &str) -> Result<String, RenderError> {
    let sprig: Vec<_> = sprig::FUNCTIONS.iter().filter(|f| !matches!(f.name, "env" | "expandenv" | "getHostByName")).copied().collect();
    let mut set = TemplateSet::new(Functions::builtin().with(&sprig), Options::default());
    let name = "name-template";
    let output = set.parse(name, template).and_then(|()| set.execute(name, Value::Nil, &mut Execution::default()));
    output.map(|name| String::from_utf8_lossy(&name).into_owned()).map_err(|e| RenderError::Template(e.to_string()))
}

/// Marks that `required` and `fail` put around their messages, to be found again in the chain of errors.
pub(super) const WARNING_START: &str = "HELM_ERR_START";
pub(super) const WARNING_END: &str = "HELM_ERR_END";

/// Helm's words for a template that failed: Go's, or for `required` and `fail` the outermost place and the message.
pub(super) fn execution_error(error: &TemplateError) -> String {
    let text = error.to_string();
    let mut parts = text.splitn(3, ": ");
    let (place, rest) = (parts.nth(1), parts.next());
    if let (TemplateError::Execute { .. }, Some(place), Some(rest)) = (error, place, rest)
        && let (Some(start), Some(end)) = (rest.find(WARNING_START), rest.rfind(WARNING_END))
        && let Some(message) = rest.get(start + WARNING_START.len()..end)
    {
        return format!("execution error at ({place}): {message}");
    }
    text
}
