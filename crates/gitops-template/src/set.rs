//! A set of templates that may call each other.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use crate::compile;
use crate::error::TemplateError;
use crate::exec;
use crate::function::Functions;
use crate::program::{Source, Template};
use crate::scope::Execution;
use crate::text::Str;
use crate::value::Value;

/// What a missing map key gives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MissingKey {
    /// `missingkey=default` and `invalid`: no value, printed `<no value>`.
    #[default]
    Default,
    /// `missingkey=zero`: the zero of the map's element type. For `interface{}` that is nil: still printed `<no value>`, but a
    /// field of it is an error.
    Zero,
    /// `missingkey=error`: an error.
    Error,
}

/// Settings of a template set.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The set's name, which only shows in errors.
    pub name: String,
    /// What a missing map key gives.
    pub missing_key: MissingKey,
    /// Left and right delimiter; empty for `{{` and `}}`.
    pub delims: (String, String),
}

impl Options {
    /// Sets what an option such as `missingkey=zero` says.
    pub fn set(&mut self, option: &str) -> Result<(), TemplateError> {
        self.missing_key = match option.strip_prefix("missingkey=") {
            Some("default" | "invalid") => MissingKey::Default,
            Some("zero") => MissingKey::Zero,
            Some("error") => MissingKey::Error,
            _ => return Err(TemplateError::Option { option: option.to_owned() }),
        };
        Ok(())
    }
}

/// Templates by name.
pub(crate) type Templates = HashMap<Str, Arc<Template>>;

/// Texts that functions had parsed are kept up to so many bytes in all.
const KEPT_TEXTS: usize = 16 << 20;

/// Texts parsed for functions such as `tpl`, by name and text.
#[derive(Default)]
struct Texts {
    parsed: HashMap<(Str, Str), Parsed>,
    bytes: usize,
}

/// A text parsed on its own, to be added to sets. Cheap to clone.
#[derive(Clone)]
pub struct Parsed {
    /// What it is itself.
    pub(crate) root: Arc<Template>,
    /// It, and all that it defines.
    pub(crate) templates: Arc<Templates>,
}

impl Parsed {
    /// The name it was parsed under.
    pub fn name(&self) -> &str {
        &self.root.parsed_as
    }

    /// What this text gives under another name, without parsing it again; `None` where that would not be the same.
    pub fn renamed(&self, name: &str) -> Option<Parsed> {
        let (old, parsed_as) = (&self.root.name, Arc::<str>::from(name));
        let text = self.root.source.text.as_bytes();
        // A text that mentions either name may define a template of that name.
        if [old.as_bytes(), name.as_bytes()].iter().any(|name| memchr::memmem::find(text, name).is_some()) {
            return None;
        }
        let again = |template: &Arc<Template>| {
            let name = if template.name == *old { Str::from(name) } else { template.name.clone() };
            Arc::new(Template { name, parsed_as: Arc::clone(&parsed_as), program: Arc::clone(&template.program) })
        };
        let templates: Templates = self.templates.values().map(again).map(|template| (template.name.clone(), template)).collect();
        let root = Arc::clone(templates.get(name.as_bytes())?);
        Some(Parsed { root, templates: Arc::new(templates) })
    }
}

/// Templates by name, compiled, and the functions that they call. Parse all files first, then execute as often as needed, from
/// any number of threads.
pub struct TemplateSet {
    pub(crate) functions: Functions,
    pub(crate) options: Options,
    pub(crate) templates: Templates,
    texts: Mutex<Texts>,
}

impl TemplateSet {
    /// An empty set.
    pub fn new(functions: Functions, options: Options) -> TemplateSet {
        TemplateSet { functions, options, templates: Templates::new(), texts: Mutex::default() }
    }

    /// Parses `text` as the template `name`, with all that it defines. A template that is there already is replaced, unless the
    /// new one is blank.
    pub fn parse(&mut self, name: &str, text: &str) -> Result<(), TemplateError> {
        let parsed = self.read(name, text)?;
        self.add(&parsed);
        Ok(())
    }

    /// Parses `text` as the template `name`, to be added to this set or to others with the same functions and delimiters.
    pub fn read(&self, name: &str, text: &str) -> Result<Parsed, TemplateError> {
        let mut templates = Templates::new();
        let mut root = None;
        for template in self.compile(name, text)? {
            let template = Arc::new(template);
            if template.name == *name {
                root = Some(Arc::clone(&template));
            }
            add(&mut templates, template);
        }
        let root = root.ok_or_else(|| TemplateError::Incomplete { name: name.to_owned() })?;
        Ok(Parsed { root, templates: Arc::new(templates) })
    }

    /// Adds what was parsed before: as if it were parsed now.
    pub fn add(&mut self, parsed: &Parsed) {
        for template in parsed.templates.values() {
            add(&mut self.templates, Arc::clone(template));
        }
    }

    fn compile(&self, name: &str, text: &str) -> Result<Vec<Template>, TemplateError> {
        let (left, right) = &self.options.delims;
        if u32::try_from(text.len()).is_err() {
            return Err(TemplateError::Parse { template: name.to_owned(), line: 1, message: "the text is over 4 GiB".to_owned() });
        }
        let source = Source { name: Arc::from(name), text: text.to_owned(), right: right.clone() };
        compile::compile(Arc::new(source), left, &self.functions)
    }

    /// A text that a function wants rendered.
    pub(crate) fn text(&self, name: &Str, text: &Str) -> Result<Parsed, TemplateError> {
        let key = (name.clone(), text.clone());
        if let Ok(texts) = self.texts.lock()
            && let Some(parsed) = texts.parsed.get(&key)
        {
            return Ok(parsed.clone());
        }
        let parsed = self.read(&name.text(), &text.text())?;
        if let Ok(mut texts) = self.texts.lock() {
            texts.bytes += text.len() + 256;
            if texts.bytes > KEPT_TEXTS {
                *texts = Texts { parsed: HashMap::new(), bytes: text.len() };
            }
            texts.parsed.insert(key, parsed.clone());
        }
        Ok(parsed)
    }

    pub(crate) fn no_template(&self, name: &str) -> TemplateError {
        TemplateError::NoTemplate { name: name.to_owned(), set: self.options.name.clone() }
    }

    /// Whether there is a template `name`.
    pub fn contains(&self, name: &str) -> bool {
        self.templates.contains_key(name.as_bytes())
    }

    /// Executes the template `name` with `dot`.
    pub fn execute(&self, name: &str, dot: Value, execution: &mut Execution) -> Result<Vec<u8>, TemplateError> {
        match self.templates.get(name.as_bytes()) {
            Some(template) => exec::execute(self, Arc::clone(template), dot, execution),
            None => Err(self.no_template(name)),
        }
    }
}

/// A blank template replaces nothing.
fn add(templates: &mut Templates, template: Arc<Template>) {
    if !template.blank || !templates.contains_key(template.name.as_bytes()) {
        templates.insert(template.name.clone(), template);
    }
}
