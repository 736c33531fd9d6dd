//! Texts with parameters in them: the plain form `{{name}}`, and Go's templates behind [`GoTemplate`].
//!
//! Plain: spaces within the braces do not count; a name that is not known, or whose value is no text, leaves the text as it
//! stands; a text in no line of which `{{` is followed by `}}` is left alone. A tag without an end is an error.

use gitops_manifest::{Map, Value};

use crate::error::ExpandError;

/// Why a Go template does not render.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct GoTemplateError(pub String);

/// Renders Go's templates: `text/template` with sprig, less `env`, `expandenv` and `getHostByName`, plus `normalize`,
/// `slugify`, `toYaml`, `fromYaml` and `fromYamlArray`. Filled in by whoever has such an engine.
pub trait GoTemplate {
    /// Renders one text. `options` are those of the set, e.g. `missingkey=error`.
    ///
    /// # Errors
    /// When it does not parse or does not run.
    fn render(&self, template: &str, params: &Map, options: &[String]) -> Result<String, GoTemplateError>;
}

/// Which form the templates of a set have.
#[derive(Clone, Copy)]
pub(crate) enum Engine<'a> {
    Plain,
    Go { templates: &'a dyn GoTemplate, options: &'a [String] },
}

impl Engine<'_> {
    pub(crate) fn is_go(&self) -> bool {
        matches!(self, Engine::Go { .. })
    }

    /// Renders one text.
    pub(crate) fn text(&self, at: &str, template: &str, params: &Map) -> Result<String, ExpandError> {
        let wrong = |reason| ExpandError::Template { at: at.to_owned(), template: template.chars().take(120).collect(), reason };
        match self {
            Engine::Plain => plain(template, params).map_err(wrong),
            // Most texts of a manifest hold no template at all.
            Engine::Go { .. } if !template.contains("{{") => Ok(template.to_owned()),
            Engine::Go { templates, options } => templates.render(template, params, options).map_err(|e| wrong(e.0)),
        }
    }

    /// Renders every text in a value, keys of maps included.
    pub(crate) fn value(&self, at: &str, value: &Value, params: &Map) -> Result<Value, ExpandError> {
        Ok(match value {
            Value::String(text) => Value::from(self.text(at, text.as_str(), params)?),
            Value::List(items) => Value::List(items.iter().map(|v| self.value(at, v, params)).collect::<Result<_, _>>()?),
            Value::Map(map) => {
                let mut out = Map::new();
                for (key, v) in map.iter() {
                    out.insert(self.text(at, key.as_str(), params)?, self.value(at, v, params)?);
                }
                Value::Map(out)
            }
            other => other.clone(),
        })
    }

    /// The `values` of a generator, rendered with the other parameters of one set, and put into it. They do not see each other.
    pub(crate) fn add_values(&self, at: &str, block: &Value, params: &mut Map) -> Result<(), ExpandError> {
        let Some(values) = block.get("values").and_then(Value::as_map).filter(|v| !v.is_empty()) else { return Ok(()) };
        let mut rendered = Map::new();
        for (key, template) in values.iter() {
            let text = self.text(&format!("{at}.values.{}", key.as_str()), template.as_str().unwrap_or(""), params)?;
            rendered.insert(key.clone(), text);
        }
        if self.is_go() {
            params.insert("values", rendered);
        } else {
            for (key, text) in rendered.iter() {
                params.insert(format!("values.{}", key.as_str()), text.clone());
            }
        }
        Ok(())
    }
}

fn plain(template: &str, params: &Map) -> Result<String, String> {
    if !template.lines().any(|line| line.split_once("{{").is_some_and(|(_, rest)| rest.contains("}}"))) {
        return Ok(template.to_owned());
    }
    let mut out = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, tail)) = rest.split_once("{{") {
        let (tag, after) = tail.split_once("}}").ok_or("a `{{` has no `}}`")?;
        out.push_str(before);
        match params.get(tag.trim()).and_then(Value::as_str) {
            Some(text) if !tag.trim().is_empty() => out.push_str(text),
            _ => {
                out.push_str("{{");
                out.push_str(tag);
                out.push_str("}}");
            }
        }
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plain_form() {
        let params: Map = [
            ("name", Value::from("web")),
            ("path.basename", "api".into()),
            ("path[0]", "apps".into()),
            ("n", 1.0.into()),
            ("nested", "{{name}}".into()),
        ]
        .into_iter()
        .collect();
        for (template, rendered) in [
            ("", ""),
            ("plain", "plain"),
            ("{{name}}", "web"),
            ("{{ name }}-{{  path.basename}}", "web-api"),
            ("{{path[0]}}/{{path[1]}}", "apps/{{path[1]}}"),
            ("{{ unknown }}", "{{ unknown }}"),
            ("{{}}", "{{}}"),
            ("{{n}}", "{{n}}"),
            ("{{nested}}", "{{name}}"),
            ("}} {{name}}", "}} web"),
            ("{{name}", "{{name}"),
            ("{{name\n}}", "{{name\n}}"),
            ("{{name}} {{name\n}}", "web web"),
            ("{{{name}}}", "{{{name}}}"),
        ] {
            assert_eq!(plain(template, &params).as_deref(), Ok(rendered), "{template}");
        }
        assert_eq!(plain("{{name}} {{name", &params), Err("a `{{` has no `}}`".into()));
    }
}
