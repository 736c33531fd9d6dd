//! What Chart.yaml says: name, version, dependencies.

use gitops_manifest::Value;
use gitops_template::sprig::semver::Version;

use super::decode::{FieldError, Fields};

/// Chart.yaml, and the dependencies of requirements.yaml.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metadata {
    /// Name of the chart.
    pub name: String,
    /// Address of a page about it.
    pub home: String,
    /// Addresses of its sources.
    pub sources: Vec<String>,
    /// Its version, semantic.
    pub version: String,
    /// One sentence.
    pub description: String,
    /// Words to find it by.
    pub keywords: Vec<String>,
    /// Who looks after it.
    pub maintainers: Vec<Maintainer>,
    /// Address of an image.
    pub icon: String,
    /// `v1` or `v2`.
    pub api_version: String,
    /// Of no use any more.
    pub condition: String,
    /// Of no use any more.
    pub tags: String,
    /// Version of what it installs.
    pub app_version: String,
    /// Whether it should no longer be used.
    pub deprecated: bool,
    /// Anything else.
    pub annotations: Option<Vec<(String, String)>>,
    /// Range of Kubernetes versions that it works with.
    pub kube_version: String,
    /// Charts that it needs; `None` when there is no list at all.
    pub dependencies: Option<Vec<Dependency>>,
    /// `application`, `library`, or empty for the former.
    pub kind: String,
}

/// Who looks after a chart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Maintainer {
    /// A name.
    pub name: String,
    /// An address to write to.
    pub email: String,
    /// An address to look at.
    pub url: String,
}

/// A chart that another one needs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dependency {
    /// The chart's name.
    pub name: String,
    /// Range of versions.
    pub version: String,
    /// Where it is to be had.
    pub repository: String,
    /// Paths of values, joined by commas, the first of which is a boolean decides whether it is enabled.
    pub condition: String,
    /// Tags that enable and disable together.
    pub tags: Vec<String>,
    /// Values of it that become values of the chart that needs it.
    pub import_values: Vec<Value>,
    /// The name it goes by here.
    pub alias: String,
}

/// Chart.yaml is not what a chart needs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("validation: {0}")]
pub struct ValidationError(pub String);

fn invalid(message: impl Into<String>) -> ValidationError {
    ValidationError(message.into())
}

impl Metadata {
    /// Takes over what `value` says; what it does not say stays.
    pub(crate) fn read(&mut self, value: &Value) -> Result<(), FieldError> {
        let Some(fields) = Fields::of("chart.Metadata", value)? else { return Ok(()) };
        fields.text("name", &mut self.name)?;
        fields.text("home", &mut self.home)?;
        fields.texts("sources", &mut self.sources)?;
        fields.text("version", &mut self.version)?;
        fields.text("description", &mut self.description)?;
        fields.texts("keywords", &mut self.keywords)?;
        fields.text("icon", &mut self.icon)?;
        fields.text("apiVersion", &mut self.api_version)?;
        fields.text("condition", &mut self.condition)?;
        fields.text("tags", &mut self.tags)?;
        fields.text("appVersion", &mut self.app_version)?;
        fields.boolean("deprecated", &mut self.deprecated)?;
        fields.text_map("annotations", &mut self.annotations)?;
        fields.text("kubeVersion", &mut self.kube_version)?;
        fields.text("type", &mut self.kind)?;
        if let Some(list) = fields.list("maintainers", "[]*chart.Maintainer")? {
            self.maintainers = list.iter().map(Maintainer::read).collect::<Result<_, _>>()?;
        }
        if let Some(list) = fields.list("dependencies", "[]*chart.Dependency")? {
            self.dependencies = Some(list.iter().map(Dependency::read).collect::<Result<_, _>>()?);
        }
        Ok(())
    }

    /// Cleans all texts and checks what a chart must have.
    pub(crate) fn validate(&mut self) -> Result<(), ValidationError> {
        for text in [
            &mut self.name,
            &mut self.description,
            &mut self.home,
            &mut self.icon,
            &mut self.condition,
            &mut self.tags,
            &mut self.app_version,
            &mut self.kube_version,
        ] {
            sanitize(text);
        }
        self.sources.iter_mut().chain(&mut self.keywords).for_each(sanitize);
        if self.api_version.is_empty() {
            return Err(invalid("chart.metadata.apiVersion is required"));
        }
        if self.name.is_empty() {
            return Err(invalid("chart.metadata.name is required"));
        }
        if self.name == "." || self.name == ".." {
            return Err(invalid(format!("chart.metadata.name {} is not allowed", crate::quoted(&self.name))));
        }
        if self.name.contains('/') {
            return Err(invalid(format!("chart.metadata.name {} is invalid", crate::quoted(&self.name))));
        }
        if self.version.is_empty() {
            return Err(invalid("chart.metadata.version is required"));
        }
        if Version::parse(&self.version).is_err() {
            return Err(invalid(format!("chart.metadata.version {} is invalid", crate::quoted(&self.version))));
        }
        if !matches!(self.kind.as_str(), "" | "application" | "library") {
            return Err(invalid("chart.metadata.type must be application or library"));
        }
        for maintainer in &mut self.maintainers {
            maintainer.validate()?;
        }
        self.validate_dependencies()
    }

    fn validate_dependencies(&mut self) -> Result<(), ValidationError> {
        let mut seen = std::collections::HashSet::new();
        for dependency in self.dependencies.iter_mut().flatten() {
            dependency.validate()?;
            let key = if dependency.alias.is_empty() { &dependency.name } else { &dependency.alias };
            if !seen.insert(key.clone()) {
                return Err(invalid(format!("more than one dependency with name or alias {}", crate::quoted(key))));
            }
        }
        Ok(())
    }

    /// Whether its templates are only for other charts to include. Case does not matter here, as in Helm.
    pub(crate) fn is_library(&self) -> bool {
        self.kind.eq_ignore_ascii_case("library")
    }
}

impl Maintainer {
    fn read(value: &Value) -> Result<Maintainer, FieldError> {
        let mut maintainer = Maintainer::default();
        match Fields::of("chart.Maintainer", value)? {
            None => maintainer.name = NULL.to_owned(),
            Some(fields) => {
                fields.text("name", &mut maintainer.name)?;
                fields.text("email", &mut maintainer.email)?;
                fields.text("url", &mut maintainer.url)?;
            }
        }
        Ok(maintainer)
    }

    fn validate(&mut self) -> Result<(), ValidationError> {
        if self.name == NULL {
            return Err(invalid("maintainers must not contain empty or null nodes"));
        }
        [&mut self.name, &mut self.email, &mut self.url].into_iter().for_each(sanitize);
        Ok(())
    }
}

/// Stands for a null in a list until validation refuses it: no text of a file can hold a NUL byte.
const NULL: &str = "\0";

impl Dependency {
    pub(super) fn read(value: &Value) -> Result<Dependency, FieldError> {
        let mut dependency = Dependency::default();
        let Some(fields) = Fields::of("chart.Dependency", value)? else {
            dependency.name = NULL.to_owned();
            return Ok(dependency);
        };
        fields.text("name", &mut dependency.name)?;
        fields.text("version", &mut dependency.version)?;
        fields.text("repository", &mut dependency.repository)?;
        fields.text("condition", &mut dependency.condition)?;
        fields.texts("tags", &mut dependency.tags)?;
        fields.text("alias", &mut dependency.alias)?;
        let mut enabled = false;
        fields.boolean("enabled", &mut enabled)?;
        if let Some(list) = fields.list("import-values", "[]interface {}")? {
            dependency.import_values = list.to_vec();
        }
        Ok(dependency)
    }

    fn validate(&mut self) -> Result<(), ValidationError> {
        if self.name == NULL {
            return Err(invalid("dependencies must not contain empty or null nodes"));
        }
        [&mut self.name, &mut self.version, &mut self.repository, &mut self.condition].into_iter().for_each(sanitize);
        self.tags.iter_mut().for_each(sanitize);
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        if !self.alias.chars().all(allowed) {
            return Err(invalid(format!("dependency {} has disallowed characters in the alias", crate::quoted(&self.name))));
        }
        Ok(())
    }
}

/// White space becomes spaces, and what cannot be printed goes.
fn sanitize(text: &mut String) {
    if text.bytes().any(|b| !(b' '..=b'~').contains(&b)) {
        *text = text
            .chars()
            .filter_map(|c| match c {
                c if c.is_whitespace() => Some(' '),
                c if crate::is_printed(c) => Some(c),
                _ => None,
            })
            .collect();
    }
}

/// Checks what a lock file must be.
pub(super) fn check_lock(value: &Value) -> Result<(), FieldError> {
    let Some(fields) = Fields::of("chart.Lock", value)? else { return Ok(()) };
    let mut digest = String::new();
    fields.text("digest", &mut digest)?;
    for dependency in fields.list("dependencies", "[]*chart.Dependency")?.unwrap_or_default() {
        Dependency::read(dependency)?;
    }
    Ok(())
}
