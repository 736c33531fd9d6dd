//! Plain manifests in a directory.
//!
//! The rules stand at [`DirectoryOptions`], where users of the crate find them.

use gitops_manifest::yaml::{Document, DuplicateKeys};
use gitops_manifest::{Manifest, Value};
use gitops_tree::{EntryKind, TreePath};
use globset::{GlobBuilder, GlobMatcher};

use crate::detect::{has, is_data};
use crate::document::{parse_json, parse_yaml};
use crate::error::Problem;
use crate::files::{Ancestors, Files, Found, at};
use crate::overrides::is_override_file;
use crate::render::{Context, Output};
use crate::rendered::{Repeated, keep_last};
use crate::source::DirectoryOptions;

/// The marker of files that are in the directory for other reasons.
const SKIP: &[u8] = b"+argocd:skip-file-rendering";

pub(crate) fn render(
    files: &mut Files<'_>,
    path: &TreePath,
    options: &DirectoryOptions,
    context: &Context<'_>,
    output: &mut Output,
) -> Result<(), Problem> {
    let walk = Walk {
        root: path,
        recurse: options.recurse,
        every_extension: options.disable_extension_filter,
        include: options.include.as_deref().map(|p| glob("spec.source.directory.include", p)).transpose()?,
        exclude: options.exclude.as_deref().map(|p| glob("spec.source.directory.exclude", p)).transpose()?,
    };
    let mut chosen = Vec::new();
    if let Some(root) = files.find(path)? {
        let ancestors = Ancestors::default().with(&root.real).unwrap_or_default();
        walk.collect(files, &root, &ancestors, &mut chosen, output)?;
    }
    chosen.sort_by(|a, b| a.path.cmp(&b.path));
    for file in &chosen {
        read_file(files, file, output)?;
    }
    let (manifests, repeated) = keep_last(std::mem::take(&mut output.manifests), context.namespace);
    output.manifests = manifests;
    output.warnings.extend(repeated.iter().map(Repeated::warning));
    Ok(())
}

/// A glob whose `*` crosses `/`, as Argo CD's do; `**` is the same as `*` there.
fn glob(field: &'static str, pattern: &str) -> Result<GlobMatcher, Problem> {
    let mut single = pattern.to_owned();
    while single.contains("**") {
        single = single.replace("**", "*");
    }
    let built = GlobBuilder::new(&single).literal_separator(false).backslash_escape(true).empty_alternates(true).build();
    built.map(|g| g.compile_matcher()).map_err(|e| Problem::Glob { field, pattern: pattern.to_owned(), reason: e.kind().to_string() })
}

/// Which files of a directory are wanted.
struct Walk<'a> {
    root: &'a TreePath,
    recurse: bool,
    every_extension: bool,
    include: Option<GlobMatcher>,
    exclude: Option<GlobMatcher>,
}

impl Walk<'_> {
    fn collect(
        &self,
        files: &mut Files<'_>,
        directory: &Found,
        above: &Ancestors,
        chosen: &mut Vec<Found>,
        output: &mut Output,
    ) -> Result<(), Problem> {
        let entries = files.list_found(directory, &mut output.problems)?.unwrap_or_default();
        for entry in entries {
            match entry.kind {
                EntryKind::File | EntryKind::Symlink => {
                    if self.wants(&entry.path) {
                        chosen.push(entry);
                    }
                }
                EntryKind::Directory if self.recurse => match above.with(&entry.real) {
                    Some(a) if a.len() > files.limits().max_depth => {
                        output.problems.push(Problem::TooDeep { at: at(&entry.path), limit: files.limits().max_depth });
                    }
                    Some(ancestors) => self.collect(files, &entry, &ancestors, chosen, output)?,
                    None => output.problems.push(Problem::LinkLoop { at: at(&entry.path) }),
                },
                EntryKind::Submodule if self.recurse => {
                    output.warnings.push(format!("{}: a submodule, which is not read: its files are in another repository", entry.path));
                }
                EntryKind::Directory | EntryKind::Submodule => {}
            }
        }
        Ok(())
    }

    fn wants(&self, path: &TreePath) -> bool {
        let name = path.file_name();
        if !(self.every_extension || is_data(name) || name.ends_with(".jsonnet")) || is_override_file(name) {
            return false;
        }
        let relative = path.relative_to(self.root).unwrap_or_default();
        !self.exclude.as_ref().is_some_and(|g| g.is_match(relative)) && self.include.as_ref().is_none_or(|g| g.is_match(relative))
    }
}

/// Reads one file into objects. Only what ends the whole render is an error here.
fn read_file(files: &mut Files<'_>, file: &Found, output: &mut Output) -> Result<(), Problem> {
    let text = match files.read(file) {
        Ok(text) => text,
        Err(problem @ Problem::TooLarge { .. }) => return Err(problem),
        Err(problem) => {
            output.problems.push(problem);
            return Ok(());
        }
    };
    if has(&text, SKIP) {
        return Ok(());
    }
    let name = file.path.file_name();
    if name.ends_with(".jsonnet") {
        output.problems.push(Problem::EngineMissing { at: at(&file.path), engine: "jsonnet".to_owned() });
    } else if name.ends_with(".json") {
        match parse_json(&text, &file.path) {
            Ok(document) => take(document, true, output),
            Err(e) => output.problems.push(e.into()),
        }
    } else {
        read_yaml(files, file, &text, output);
    }
    Ok(())
}

fn read_yaml(files: &Files<'_>, file: &Found, text: &[u8], output: &mut Output) {
    let looks_like_manifest = has(text, b"apiVersion:") && has(text, b"kind:") && has(text, b"metadata:");
    match parse_yaml(text, &file.path, DuplicateKeys::LastWins, files.limits()) {
        Ok(parsed) => {
            output.warnings.extend(parsed.warnings);
            // One object among the documents shows that the others were meant to be objects too.
            let strict = looks_like_manifest || parsed.documents.iter().any(|d| is_object(&d.value));
            for document in parsed.documents.into_iter().filter(|d| !d.value.is_null()) {
                take(document, strict, output);
            }
        }
        Err(e) if looks_like_manifest => output.problems.push(e.into()),
        Err(e) => output.warnings.push(format!("{e}: left out, because it does not look like a manifest")),
    }
}

fn is_object(value: &Value) -> bool {
    value.str_at(&["apiVersion"]).is_some() && value.str_at(&["kind"]).is_some()
}

/// Adds the objects of one document. When not `strict`, what is no object is left out with a warning.
fn take(document: Document, strict: bool, output: &mut Output) {
    let Document { mut value, at } = document;
    let is_list = value.str_at(&["kind"]).is_some_and(|k| k.ends_with("List"));
    let items = value.as_map_mut().filter(|_| is_list).and_then(|m| m.get_mut("items")).and_then(Value::as_list_mut).map(std::mem::take);
    for object in items.unwrap_or_else(|| vec![value]) {
        let wanted = strict || is_object(&object);
        match Manifest::from_value(object, at.clone()) {
            Ok(manifest) => output.manifests.push(manifest),
            Err(e) if wanted => output.problems.push(e.into()),
            Err(e) => output.warnings.push(format!("{e}: left out, because it does not look like a manifest")),
        }
    }
}
