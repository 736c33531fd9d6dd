//! Helm charts, rendered by `gitops-helm` with the options of `spec.source.helm`.
//!
//! Values, from the lowest to the highest: the chart's own, `valueFiles` in their order, `valuesObject` (else `values`),
//! `parameters`, `fileParameters`. A file `$NAME/path` is read from the source that the Application calls NAME (`ref`), seen
//! from its root; `https://…` by [`Context::remotes`], anew for each render; all others from the chart, or with a leading `/`
//! from the root of its repository. CRDs are rendered unless `skipCrds`. Hooks are among the objects: a sync reads their
//! annotations. What is missing in `charts/` is asked of [`crate::ChartFetcher`].

use std::fmt;
use std::sync::Arc;

use gitops_helm::{Capabilities, KubeVersion, RenderOptions, Values};
use gitops_kustomize::Fetched;
use gitops_manifest::Value;
use gitops_tree::{Tree, TreePath};
use globset::GlobBuilder;

use crate::dependencies::{Loaded, Loading};
use crate::error::Problem;
use crate::files::{Files, at};
use crate::render::{Context, Output, Reference};
use crate::source::HelmOptions;

/// Renders the chart at `path`.
pub(crate) fn render(
    tree: &dyn Tree,
    path: &TreePath,
    options: &HelmOptions,
    context: &Context<'_>,
    output: &mut Output,
) -> Result<(), Problem> {
    let block = Block { value: options.block.clone().unwrap_or_default(), environment: &options.environment, tree, path, context };
    let limits = gitops_helm::Limits::default();
    let fail = |error: &dyn std::fmt::Display| block.wrong(error);
    let loading = Loading {
        cache: context.parsed,
        fetcher: context.fetcher,
        pass_credentials: block.is("passCredentials"),
        limits: &limits,
        read_limits: context.limits,
    };
    let (fetched, loaded) = loading.chart(tree, path);
    output.remotes.extend(fetched);
    let Loaded { chart, reads } = loaded.map_err(|e| fail(&e))?;
    output.reads.merge(reads);
    let values = block.values(&limits)?;
    let rendered = chart.render(&values, &block.options()?).map_err(|e| fail(&e))?;
    output.warnings.extend(chart.warnings().iter().chain(&rendered.warnings).map(|w| format!("{path}: {w}")));
    let documents = rendered.crds.iter().chain(&rendered.manifests).map(|d| (&d.path, &d.text));
    for (template, text) in documents.chain(rendered.hooks.iter().map(|h| (&h.path, &h.text))) {
        output.take_text(text.as_bytes(), &TreePath::parse(template).unwrap_or_default(), context.limits)?;
    }
    let (kept, repeated) = crate::rendered::keep_last(std::mem::take(&mut output.manifests), context.namespace);
    output.manifests = kept;
    output.warnings.extend(repeated.iter().map(crate::rendered::Repeated::warning));
    Ok(())
}

/// `spec.source.helm`
struct Block<'b> {
    value: Value,
    environment: &'b [(String, String)],
    tree: &'b dyn Tree,
    path: &'b TreePath,
    context: &'b Context<'b>,
}

/// A file that the block names.
#[derive(Clone)]
struct Place<'b> {
    /// Its address, where it lies on a web server.
    url: Option<String>,
    /// The source it is in, where that is another one.
    source: Option<&'b str>,
    tree: &'b dyn Tree,
    path: TreePath,
}

impl Place<'_> {
    fn is(&self, other: &Place<'_>) -> bool {
        (self.source, &self.path, &self.url) == (other.source, &other.path, &other.url)
    }

    fn read(&self, context: &Context<'_>) -> Result<Option<Arc<[u8]>>, Problem> {
        if let Some(url) = &self.url {
            let failed = |reason: String| Problem::Helm { at: at(&self.path), reason };
            let remotes = context.remotes.ok_or_else(|| failed(format!("`{url}`: nothing is fetched here: commit the file")))?;
            return match remotes.fetch(url, None) {
                Ok(Fetched::File(bytes)) => Ok(Some(bytes)),
                Ok(Fetched::Repository(_)) => Err(failed(format!("`{url}`: a repository, not a file"))),
                Err(e) => Err(failed(format!("`{url}`: {e}"))),
            };
        }
        Files::new(self.tree, context.limits).read_at(&self.path)
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(url) = &self.url {
            return f.write_str(url);
        }
        match self.source {
            Some(source) => write!(f, "${source}/{}", self.path),
            None => write!(f, "{}", self.path),
        }
    }
}

impl<'b> Block<'b> {
    fn wrong(&self, error: &dyn std::fmt::Display) -> Problem {
        Problem::Helm { at: at(self.path), reason: error.to_string() }
    }

    fn text(&self, key: &str) -> &str {
        self.value.str_at(&[key]).unwrap_or_default()
    }

    fn is(&self, key: &str) -> bool {
        self.value.get(key).and_then(Value::as_bool).unwrap_or_default()
    }

    fn list(&self, key: &str) -> &[Value] {
        self.value.get(key).and_then(Value::as_list).unwrap_or_default()
    }

    fn options(&self) -> Result<RenderOptions, Problem> {
        let context = self.context;
        if !matches!(self.text("version"), "" | "v3" | "v4") {
            return Err(self.wrong(&format!("helm.version is `{}`: leave it out, or write v3 or v4", self.text("version"))));
        }
        let or = |text: &str, other: &str| if text.is_empty() { other.to_owned() } else { text.to_owned() };
        // An application of another namespace is called `namespace/name`.
        let app = context.app.rsplit_once('/').map_or(context.app, |(_, name)| name);
        let mut options = RenderOptions::new(or(self.text("releaseName"), app), or(self.text("namespace"), context.namespace));
        let mut capabilities = Capabilities::default();
        if !self.text("kubeVersion").is_empty() {
            capabilities.kube_version = KubeVersion::parse(self.text("kubeVersion")).map_err(|e| self.wrong(&e))?;
        }
        capabilities.api_versions.extend(self.list("apiVersions").iter().filter_map(Value::as_str).map(str::to_owned));
        options.capabilities = Arc::new(capabilities);
        options.include_crds = !self.is("skipCrds");
        options.skip_tests = self.is("skipTests");
        options.skip_schema_validation = self.is("skipSchemaValidation");
        Ok(options)
    }

    fn values(&self, limits: &gitops_helm::Limits) -> Result<Values, Problem> {
        let mut values = Values::default();
        for file in self.value_files()? {
            let Some(text) = file.read(self.context)? else {
                if self.is("ignoreMissingValueFiles") {
                    continue;
                }
                return Err(self.wrong(&format!("helm.valueFiles: there is no file `{file}`")));
            };
            let read = Values::from_yaml(&text, &file.to_string(), limits.max_values_bytes);
            values.merge(&read.map_err(|e| self.wrong(&e))?);
        }
        match self.value.get("valuesObject") {
            Some(object @ Value::Map(_)) => values.merge(&Values::from_value(object)),
            _ => {
                let text = self.text("values").as_bytes();
                values.merge(&Values::from_yaml(text, "helm.values", limits.max_values_bytes).map_err(|e| self.wrong(&e))?);
            }
        }
        self.parameters(&mut values)?;
        Ok(values)
    }

    fn parameters(&self, values: &mut Values) -> Result<(), Problem> {
        let is_text = |p: &&Value| p.get("forceString").and_then(Value::as_bool).unwrap_or_default();
        let assignment = |p: &Value| {
            let text = |key: &str| p.str_at(&[key]).unwrap_or_default();
            format!("{}={}", text("name"), escaped(&self.expand(text("value"))))
        };
        // As Helm orders its flags: `--set` first, then `--set-string`, then `--set-file`.
        for parameter in self.list("parameters").iter().filter(|p| !is_text(p)) {
            values.set(&assignment(parameter)).map_err(|e| self.wrong(&e))?;
        }
        for parameter in self.list("parameters").iter().filter(is_text) {
            values.set_string(&assignment(parameter)).map_err(|e| self.wrong(&e))?;
        }
        for parameter in self.list("fileParameters") {
            let (name, path) = (parameter.str_at(&["name"]).unwrap_or_default(), parameter.str_at(&["path"]).unwrap_or_default());
            let mut read = |path: &str| -> Result<Vec<u8>, String> {
                let file = self.resolve(path).map_err(|e| self.reason(e))?;
                let bytes = file.read(self.context).map_err(|e| e.to_string())?;
                bytes.map(|b| b.to_vec()).ok_or_else(|| format!("there is no file `{file}`"))
            };
            values.set_file(&format!("{name}={path}"), &mut read).map_err(|e| self.wrong(&e))?;
        }
        Ok(())
    }

    fn reason(&self, problem: Problem) -> String {
        match problem {
            Problem::Helm { reason, .. } => reason,
            other => other.to_string(),
        }
    }

    /// The file that `text` names.
    fn resolve(&self, text: &str) -> Result<Place<'b>, Problem> {
        if let Some((reference, rest)) = self.reference(text)? {
            let path = TreePath::root().join(self.expand(rest).trim_start_matches('/')).map_err(|e| self.wrong(&e))?;
            return Ok(Place { url: None, source: Some(reference.name), tree: reference.tree, path });
        }
        let text = self.expand(text);
        if text.starts_with("https://") || text.starts_with("http://") {
            return Ok(Place { url: Some(text), source: None, tree: self.tree, path: self.path.clone() });
        }
        if text.contains("://") {
            return Err(self.wrong(&format!("`{text}`: values are read from the repository, or by https and http")));
        }
        let path = match text.strip_prefix('/') {
            Some(rest) => TreePath::parse(rest),
            None => self.path.join(&text),
        };
        Ok(Place { url: None, source: None, tree: self.tree, path: path.map_err(|e| self.wrong(&e))? })
    }

    /// The other source that a file is in, and the path there. A name of the build environment is none.
    fn reference<'t>(&self, text: &'t str) -> Result<Option<(&'b Reference<'b>, &'t str)>, Problem> {
        let Some(behind) = text.strip_prefix('$').filter(|behind| !behind.starts_with('$')) else { return Ok(None) };
        let (name, rest) = behind.split_once('/').unwrap_or((behind, ""));
        let references = self.context.references;
        if let Some(reference) = references.iter().find(|r| r.name == name) {
            return Ok(Some((reference, rest)));
        }
        let word = name.trim_start_matches('{');
        let word = &word[..word.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(word.len())];
        if self.environment.iter().any(|(known, _)| known == word) {
            return Ok(None);
        }
        let known: Vec<&str> = references.iter().map(|r| r.name).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        Err(self.wrong(&format!("`{text}`: no source of the application has `ref: {name}` (there are: {known})")))
    }

    /// The values files in their order. What a glob matches stands at the glob, unless it is listed by itself too.
    fn value_files(&self) -> Result<Vec<Place<'b>>, Problem> {
        let is_glob = |file: &Place<'_>| file.url.is_none() && file.path.as_str().contains(['*', '?', '[', '{']);
        let listed = self.list("valueFiles").iter().filter_map(Value::as_str);
        let listed = listed.map(|text| Ok((text, self.resolve(text)?))).collect::<Result<Vec<_>, Problem>>()?;
        let mut files = Vec::new();
        for (text, file) in &listed {
            if !is_glob(file) {
                files.push(file.clone());
                continue;
            }
            let found = self.expand_glob(text, file)?;
            files.extend(found.into_iter().filter(|f| !listed.iter().any(|(_, explicit)| explicit.is(f))));
        }
        Ok(files)
    }

    fn expand_glob(&self, text: &str, pattern: &Place<'b>) -> Result<Vec<Place<'b>>, Problem> {
        let Place { source, tree, path: pattern, .. } = pattern;
        let glob = GlobBuilder::new(pattern.as_str()).literal_separator(true).build().map_err(|e| self.wrong(&e))?.compile_matcher();
        let fixed = pattern.parts().take_while(|part| !part.contains(['*', '?', '[', '{'])).collect::<Vec<_>>().join("/");
        let mut pending = vec![TreePath::parse(&fixed).map_err(|e| self.wrong(&e))?];
        let mut found = Vec::new();
        while let Some(directory) = pending.pop() {
            for entry in tree.list(&directory)?.unwrap_or_default() {
                let path = directory.child(&entry.name);
                match entry.kind {
                    gitops_tree::EntryKind::Directory => pending.push(path),
                    _ if glob.is_match(path.as_str()) => found.push(path),
                    _ => {}
                }
            }
        }
        found.sort();
        if found.is_empty() && !self.is("ignoreMissingValueFiles") {
            return Err(self.wrong(&format!("values file glob \"{text}\" matched no files")));
        }
        Ok(found.into_iter().map(|path| Place { url: None, source: *source, tree: *tree, path }).collect())
    }

    fn expand(&self, text: &str) -> String {
        gitops_kustomize::expand(text, self.environment)
    }
}

/// Commas of a parameter are text, unless it is a list in braces.
fn escaped(value: &str) -> String {
    if value.starts_with('{') && value.ends_with('}') {
        return value.to_owned();
    }
    let mut out = String::with_capacity(value.len());
    let mut before = ' ';
    for c in value.chars() {
        if c == ',' && before != '\\' {
            out.push('\\');
        }
        out.push(c);
        before = c;
    }
    out
}
