//! Directories and files of a repository.

use std::collections::BTreeMap;
use std::sync::Arc;

use gitops_app::{Glob, GlobSyntax};
use gitops_manifest::yaml::{self, DuplicateKeys, ParseOptions};
use gitops_manifest::{Map, Value};
use gitops_tree::{EntryKind, Tree, TreeError, TreePath};

use super::{Context, flag, items, text};
use crate::error::ExpandError;
use crate::name::normalize_name;
use crate::params;
use crate::world::WorldError;

pub(super) fn generate(context: &Context<'_>, at: &str, block: &Value) -> Result<Vec<Map>, ExpandError> {
    let (directories, files) = (items(block, "directories"), items(block, "files"));
    if directories.is_empty() && files.is_empty() {
        return Err(ExpandError::rule(at, "needs `directories` or `files`"));
    }
    let (repository, revision) = (text(block, "repoURL"), text(block, "revision"));
    let revision = if revision.is_empty() { "HEAD" } else { revision };
    let tree = context.world.tree(repository, revision, context.project).map_err(ExpandError::world(at))?;
    let unreadable = |e: TreeError| {
        let source = WorldError::Unavailable { what: repository.to_owned(), reason: e.to_string() };
        ExpandError::World { at: at.to_owned(), source }
    };
    let mut sets = Vec::new();
    if directories.is_empty() {
        let chosen = choose_files(context, at, files, &tree).map_err(|e| e.unwrap_tree(unreadable))?;
        for path in chosen {
            let content = tree.read(&path).map_err(unreadable)?.unwrap_or_else(|| Arc::from(&b""[..]));
            sets.extend(file_sets(context, at, block, path.as_str(), &content)?);
            context.limit(at, sets.len())?;
        }
    } else {
        for path in choose_directories(context, at, directories, &tree).map_err(|e| e.unwrap_tree(unreadable))? {
            sets.push(with_path(context, at, block, Map::new(), &path, None)?);
            context.limit(at, sets.len())?;
        }
    }
    Ok(sets)
}

/// Either of two errors, before the tree's is told as the world's.
enum Failed {
    Tree(TreeError),
    Expand(ExpandError),
}

impl Failed {
    fn unwrap_tree(self, tell: impl Fn(TreeError) -> ExpandError) -> ExpandError {
        match self {
            Failed::Tree(e) => tell(e),
            Failed::Expand(e) => e,
        }
    }
}

impl From<TreeError> for Failed {
    fn from(e: TreeError) -> Failed {
        Failed::Tree(e)
    }
}

impl From<ExpandError> for Failed {
    fn from(e: ExpandError) -> Failed {
        Failed::Expand(e)
    }
}

/// Every entry below the root, parents before children, names in order. `enter` says which directories are gone into.
fn walk(
    tree: &dyn Tree,
    limit: usize,
    at: &str,
    enter: impl Fn(&str) -> bool,
    mut see: impl FnMut(&TreePath, EntryKind),
) -> Result<(), Failed> {
    let mut todo = vec![(TreePath::root(), EntryKind::Directory)];
    let mut seen = 0_usize;
    while let Some((path, kind)) = todo.pop() {
        seen += 1;
        if seen > limit {
            return Err(ExpandError::rule(at, format!("the repository has more than {limit} entries; name a smaller one")).into());
        }
        if !path.is_root() {
            see(&path, kind);
        }
        if kind == EntryKind::Directory {
            // Last first, since the stack gives the last one back first.
            for entry in tree.list(&path)?.unwrap_or_default().into_iter().rev() {
                if entry.kind != EntryKind::Directory || enter(&entry.name) {
                    todo.push((path.child(&entry.name), entry.kind));
                }
            }
        }
    }
    Ok(())
}

struct Patterns {
    include: Vec<Glob>,
    exclude: Vec<Glob>,
}

impl Patterns {
    fn read(at: &str, list: &[Value], syntax: GlobSyntax) -> Result<Patterns, ExpandError> {
        let mut patterns = Patterns { include: Vec::new(), exclude: Vec::new() };
        for (i, item) in list.iter().enumerate() {
            let glob = Glob::new(text(item, "path"), syntax).map_err(|e| ExpandError::rule(&format!("{at}[{i}].path"), e.to_string()))?;
            if flag(item, "exclude") { patterns.exclude.push(glob) } else { patterns.include.push(glob) }
        }
        Ok(patterns)
    }

    fn choose(&self, path: &str) -> bool {
        self.include.iter().any(|g| g.is_match(path)) && !self.exclude.iter().any(|g| g.is_match(path))
    }
}

/// Every directory but hidden ones and what is below them. An exclusion wins wherever it stands.
fn choose_directories(context: &Context<'_>, at: &str, list: &[Value], tree: &dyn Tree) -> Result<Vec<String>, Failed> {
    let patterns = Patterns::read(&format!("{at}.directories"), list, GlobSyntax::GoPath)?;
    let hidden = context.settings.hidden_directories;
    let enter = |name: &str| name != ".git" && (hidden || !name.starts_with('.'));
    let mut chosen = Vec::new();
    walk(tree, context.settings.limits.tree_entries, at, enter, |path, kind| {
        if kind == EntryKind::Directory && patterns.choose(path.as_str()) {
            chosen.push(path.as_str().to_owned());
        }
    })?;
    Ok(chosen)
}

/// Files by git's patterns, or by `**` ones where that is set; sorted by path.
fn choose_files(context: &Context<'_>, at: &str, list: &[Value], tree: &dyn Tree) -> Result<Vec<TreePath>, Failed> {
    let at_files = format!("{at}.files");
    let syntax = if context.settings.double_star { GlobSyntax::DoubleStar } else { GlobSyntax::Git };
    let patterns = Patterns::read(&at_files, list, syntax)?;
    // Git takes a directory for all that is below it.
    let below = |exclude: bool| {
        let these = list.iter().filter(move |item| flag(item, "exclude") == exclude).map(|item| text(item, "path").trim_end_matches('/'));
        these.filter(|_| syntax == GlobSyntax::Git).collect::<Vec<&str>>()
    };
    let (below, not_below) = (below(false), below(true));
    let within = |dirs: &[&str], path: &str| dirs.iter().any(|d| path.strip_prefix(d).is_some_and(|rest| rest.starts_with('/')));
    let mut chosen = Vec::new();
    walk(
        tree,
        context.settings.limits.tree_entries,
        at,
        |name| name != ".git",
        |path, kind| {
            let text = path.as_str();
            let included = patterns.include.iter().any(|g| g.is_match(text)) || within(&below, text);
            let excluded = patterns.exclude.iter().any(|g| g.is_match(text)) || within(&not_below, text);
            if kind == EntryKind::File && included && !excluded {
                chosen.push(path.clone());
            }
        },
    )?;
    chosen.sort_by(|a, b| a.as_str().cmp(b.as_str()));
    Ok(chosen)
}

fn file_sets(context: &Context<'_>, at: &str, block: &Value, path: &str, content: &[u8]) -> Result<Vec<Map>, ExpandError> {
    let options = ParseOptions { duplicates: DuplicateKeys::LastWins, ..ParseOptions::default() };
    let wrong = |reason: String| ExpandError::rule(at, format!("unable to process file '{path}': {reason}"));
    let parsed = yaml::parse(content, path, &options).map_err(|e| wrong(e.to_string()))?;
    let objects = match parsed.documents.into_iter().next().map(|d| d.value) {
        None | Some(Value::Null) => vec![Value::Null],
        Some(Value::List(items)) => items,
        Some(one) => vec![one],
    };
    let mut sets = Vec::new();
    for object in &objects {
        let object = match params::as_go_any(object) {
            Value::Map(map) => map,
            Value::Null => Map::new(),
            other => return Err(wrong(format!("must hold a map or a list of maps, and holds a {}", other.kind_name()))),
        };
        let base = if context.engine.is_go() { object } else { params::from_texts(params::flatten(&object)) };
        let (dir, file) = path.rsplit_once('/').unwrap_or((".", path));
        sets.push(with_path(context, at, block, base, dir, Some(file))?);
    }
    Ok(sets)
}

/// Adds what is known of the path, under `path` or `<prefix>.path`, and the block's values.
fn with_path(context: &Context<'_>, at: &str, block: &Value, mut params: Map, path: &str, file: Option<&str>) -> Result<Map, ExpandError> {
    let basename = path.rsplit('/').next().unwrap_or(path);
    let mut parts: BTreeMap<&str, String> =
        BTreeMap::from([("basename", basename.to_owned()), ("basenameNormalized", normalize_name(basename))]);
    if let Some(file) = file {
        parts.insert("filename", file.to_owned());
        parts.insert("filenameNormalized", normalize_name(file));
    }
    let prefix = text(block, "pathParamPrefix");
    if context.engine.is_go() {
        let mut about: Map = parts.into_iter().collect();
        about.insert("path", path);
        about.insert("segments", Value::List(path.split('/').map(Value::from).collect()));
        if prefix.is_empty() {
            params.insert("path", about);
        } else {
            params.insert(prefix, [("path", Value::Map(about))].into_iter().collect::<Map>());
        }
    } else {
        let name = if prefix.is_empty() { "path".to_owned() } else { format!("{prefix}.path") };
        for (part, text) in parts {
            params.insert(format!("{name}.{part}"), text);
        }
        for (i, segment) in path.split('/').enumerate().filter(|(_, s)| !s.is_empty()) {
            params.insert(format!("{name}[{i}]"), segment);
        }
        params.insert(name, path);
    }
    context.engine.add_values(at, block, &mut params)?;
    Ok(params)
}
