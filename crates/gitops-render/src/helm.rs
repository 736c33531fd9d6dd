//! Helm charts, rendered by `gitops-helm` with the options of `spec.source.helm`.
//!
//! Values, from the lowest to the highest: the chart's own, `valueFiles` in their order, `valuesObject` (else `values`),
//! `parameters`, `fileParameters`. CRDs are rendered unless `skipCrds`. Hooks are among the objects: a sync reads their
//! annotations. A missing dependency is not fetched here: the error names the command that does.

use std::sync::Arc;

use gitops_helm::{Capabilities, Chart, KubeVersion, RenderOptions, Values};
use gitops_manifest::yaml::DuplicateKeys;
use gitops_manifest::{Manifest, Value, yaml};
use gitops_tree::{Tree, TreePath};
use globset::GlobBuilder;

use crate::document::parse_yaml;
use crate::error::Problem;
use crate::files::at;
use crate::render::{Context, Output};
use crate::source::HelmOptions;

/// Renders the chart at `path`.
pub(crate) fn render(
    tree: &dyn Tree,
    path: &TreePath,
    options: &HelmOptions,
    context: &Context<'_>,
    output: &mut Output,
) -> Result<(), Problem> {
    let block = Block { value: options.block.clone().unwrap_or_default(), environment: &options.environment, path };
    let limits = gitops_helm::Limits::default();
    let fail = |error: &dyn std::fmt::Display| block.wrong(error);
    let chart = Chart::load(tree, path, &limits).map_err(|e| fail(&e))?;
    let values = block.values(tree, &limits)?;
    let rendered = chart.render(&values, &block.options(context)?).map_err(|e| fail(&e))?;
    output.warnings.extend(chart.warnings().iter().chain(&rendered.warnings).map(|w| format!("{path}: {w}")));
    let documents = rendered.crds.iter().chain(&rendered.manifests).map(|d| (&d.path, &d.text));
    for (template, text) in documents.chain(rendered.hooks.iter().map(|h| (&h.path, &h.text))) {
        let file = TreePath::parse(template).unwrap_or_default();
        let parsed = parse_yaml(text.as_bytes(), &file, DuplicateKeys::LastWins, context.limits)?;
        output.warnings.extend(parsed.warnings);
        for document in parsed.documents.into_iter().filter(|d| !d.value.is_null()) {
            take(document, output);
        }
    }
    let (kept, repeated) = crate::rendered::keep_last(std::mem::take(&mut output.manifests), context.namespace);
    output.manifests = kept;
    output.warnings.extend(repeated.iter().map(crate::rendered::Repeated::warning));
    Ok(())
}

fn take(document: yaml::Document, output: &mut Output) {
    let yaml::Document { mut value, at } = document;
    let is_list = value.str_at(&["kind"]).is_some_and(|kind| kind.ends_with("List"));
    let items = value.as_map_mut().filter(|_| is_list).and_then(|m| m.get_mut("items")).and_then(Value::as_list_mut).map(std::mem::take);
    for object in items.unwrap_or_else(|| vec![value]) {
        match Manifest::from_value(object, at.clone()) {
            Ok(manifest) => output.manifests.push(manifest),
            Err(error) => output.problems.push(error.into()),
        }
    }
}

/// `spec.source.helm`
struct Block<'b> {
    value: Value,
    environment: &'b [(String, String)],
    path: &'b TreePath,
}

impl Block<'_> {
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

    fn options(&self, context: &Context<'_>) -> Result<RenderOptions, Problem> {
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

    fn values(&self, tree: &dyn Tree, limits: &gitops_helm::Limits) -> Result<Values, Problem> {
        let mut values = Values::default();
        for file in self.value_files(tree)? {
            let read = tree.read(&file)?;
            let Some(text) = read else {
                if self.is("ignoreMissingValueFiles") {
                    continue;
                }
                return Err(self.wrong(&format!("helm.valueFiles: there is no file `{file}`")));
            };
            values.merge(&Values::from_yaml(&text, file.as_str(), limits.max_values_bytes).map_err(|e| self.wrong(&e))?);
        }
        match self.value.get("valuesObject") {
            Some(object @ Value::Map(_)) => values.merge(&Values::from_value(object)),
            _ => {
                let text = self.text("values").as_bytes();
                values.merge(&Values::from_yaml(text, "helm.values", limits.max_values_bytes).map_err(|e| self.wrong(&e))?);
            }
        }
        self.parameters(tree, &mut values)?;
        Ok(values)
    }

    fn parameters(&self, tree: &dyn Tree, values: &mut Values) -> Result<(), Problem> {
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
                let path = self.resolve(path).map_err(|e| e.to_string())?;
                let bytes = tree.read(&path).map_err(|e| e.to_string())?;
                bytes.map(|b| b.to_vec()).ok_or_else(|| format!("there is no file `{path}`"))
            };
            values.set_file(&format!("{name}={}", self.expand(path)), &mut read).map_err(|e| self.wrong(&e))?;
        }
        Ok(())
    }

    /// The file that `text` names: from the chart, or with a leading `/` from the root of the repository.
    fn resolve(&self, text: &str) -> Result<TreePath, Problem> {
        if text.starts_with('$') {
            let reason = format!("`{text}`: files of other sources cannot be read here: put the values beside the chart");
            return Err(self.wrong(&reason));
        }
        if text.contains("://") {
            return Err(self.wrong(&format!("`{text}`: values are read from the repository alone, never fetched")));
        }
        let path = match text.strip_prefix('/') {
            Some(rest) => TreePath::parse(rest),
            None => self.path.join(text),
        };
        path.map_err(|e| self.wrong(&e))
    }

    /// The values files in their order. What a glob matches stands at the glob, unless it is listed by itself too.
    fn value_files(&self, tree: &dyn Tree) -> Result<Vec<TreePath>, Problem> {
        let listed: Vec<String> = self.list("valueFiles").iter().filter_map(Value::as_str).map(|f| self.expand(f)).collect();
        let is_glob = |text: &str| text.contains(['*', '?', '[', '{']);
        let explicit: Vec<TreePath> = listed.iter().filter(|f| !is_glob(f)).map(|f| self.resolve(f)).collect::<Result<_, _>>()?;
        let mut files = Vec::new();
        for file in &listed {
            let path = self.resolve(file)?;
            if !is_glob(file) {
                files.push(path);
                continue;
            }
            let found = self.expand_glob(tree, file, &path)?;
            files.extend(found.into_iter().filter(|f| !explicit.contains(f)));
        }
        Ok(files)
    }

    fn expand_glob(&self, tree: &dyn Tree, text: &str, pattern: &TreePath) -> Result<Vec<TreePath>, Problem> {
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
        Ok(found)
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
