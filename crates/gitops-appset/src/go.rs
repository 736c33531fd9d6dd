//! Go's templates of sets, on [`gitops_template`]: sprig less `env`, `expandenv` and `getHostByName`, plus Argo CD's own.
//!
//! Functions: `normalize`, `slugify`, `toYaml`, `fromYaml`, `fromYamlArray`. Time stands still and randomness is fixed, so that
//! a set comes to the same applications each time: `now` is 1970, random texts are always the same.
//! Limits: 10 million steps and 16 MiB of text for one template.

use gitops_manifest::yaml::{self, DuplicateKeys, ParseOptions};
use gitops_manifest::{Map as Params, Value as Plain};
use gitops_template::{Execution, FuncError, Function, Functions, Limits, List, Map, Options, Scope, Str, TemplateSet, Ty, Value, sprig};

use crate::name::{normalize_name, slug_within};
use crate::template::{GoTemplate, GoTemplateError};

/// Functions of sprig that look outside.
const LEFT_OUT: [&str; 3] = ["env", "expandenv", "getHostByName"];

const OWN: &[Function] = &[
    Function::new("normalize", &[Ty::Str], normalize),
    Function::variadic("slugify", &[], Ty::Any, slugify),
    Function::new("toYaml", &[Ty::Any], to_yaml),
    Function::new("fromYaml", &[Ty::Str], from_yaml),
    Function::new("fromYamlArray", &[Ty::Str], from_yaml_array),
];

/// Renders Go's templates.
pub struct GoTemplates {
    functions: Functions,
}

impl Default for GoTemplates {
    fn default() -> GoTemplates {
        let sprig: Vec<Function> = sprig::FUNCTIONS.iter().filter(|f| !LEFT_OUT.contains(&f.name)).copied().collect();
        GoTemplates { functions: Functions::builtin().with(&sprig).with(OWN) }
    }
}

impl GoTemplate for GoTemplates {
    fn render(&self, template: &str, params: &Params, options: &[String]) -> Result<String, GoTemplateError> {
        let wrong = |e: gitops_template::TemplateError| GoTemplateError(e.to_string());
        let mut settings = Options::default();
        for option in options {
            settings.set(option).map_err(wrong)?;
        }
        let mut set = TemplateSet::new(self.functions.clone(), settings);
        set.parse("", template).map_err(wrong)?;
        let limits = Limits { steps: 10_000_000, bytes: 16 << 20, ..Limits::default() };
        let mut execution = Execution { limits, ..Execution::default() };
        let out = set.execute("", Value::Map(map(params)), &mut execution).map_err(wrong)?;
        String::from_utf8(out).map_err(|_| GoTemplateError("renders to bytes that are no UTF-8".to_owned()))
    }
}

fn map(params: &Params) -> Map {
    params.iter().map(|(k, v)| (Str::from(k.as_str()), value(v))).collect()
}

/// As Go's JSON decoder has it: every number a float.
fn value(plain: &Plain) -> Value {
    match plain {
        Plain::Null => Value::Nil,
        Plain::Bool(b) => (*b).into(),
        Plain::Number(n) => n.as_f64().into(),
        Plain::String(s) => s.as_str().into(),
        Plain::List(items) => List::new(items.iter().map(value).collect()).into(),
        Plain::Map(entries) => map(entries).into(),
    }
}

fn text(value: &Value) -> String {
    value.as_str().map(|s| s.text().into_owned()).unwrap_or_default()
}

fn normalize(_: &mut Scope<'_>, arguments: &mut [Value]) -> Result<Value, FuncError> {
    Ok(normalize_name(&text(&arguments[0])).into())
}

/// `slugify [LENGTH] [SMART] TEXT`.
fn slugify(_: &mut Scope<'_>, arguments: &mut [Value]) -> Result<Value, FuncError> {
    let Some((last, before)) = arguments.split_last() else { return Err("slugify: no text is given".into()) };
    if last.as_str().is_none() || before.len() > 2 {
        return Err("slugify: expected [LENGTH] [SMART] TEXT".into());
    }
    let length = match before.first() {
        None => 50,
        Some(Value::Int(n) | Value::Int64(n)) => usize::try_from(*n).map_err(|_| "slugify: the length is negative")?,
        Some(Value::Float(f)) if *f >= 0.0 && *f <= 1e6 => *f as usize,
        Some(_) => return Err("slugify: the length is no number".into()),
    };
    let smart = match before.get(1) {
        None => false,
        Some(Value::Bool(smart)) => *smart,
        Some(_) => return Err("slugify: the second argument is neither true nor false".into()),
    };
    Ok(slug_within(&normalize_name(&text(last)), length, smart).into())
}

fn to_yaml(_: &mut Scope<'_>, arguments: &mut [Value]) -> Result<Value, FuncError> {
    let plain = plain(&arguments[0]).ok_or("toYaml: the value cannot be written as YAML")?;
    Ok(yaml::print(&plain).trim_end_matches('\n').into())
}

fn plain(value: &Value) -> Option<Plain> {
    Some(match value {
        Value::Nil => Plain::Null,
        Value::Bool(b) => Plain::from(*b),
        Value::Int(n) | Value::Int64(n) => Plain::from(*n),
        Value::Float(f) if f.fract() == 0.0 && f.abs() < 1e15 => Plain::from(*f as i64),
        Value::Float(f) => Plain::from(*f),
        Value::Str(s) => Plain::from(s.text().into_owned()),
        Value::List(list) => Plain::List(list.clone().into_items().iter().map(plain).collect::<Option<_>>()?),
        Value::Map(map) => {
            let mut out = Params::new();
            for (key, value) in map.entries().iter() {
                out.insert(key.text().into_owned(), plain(value)?);
            }
            Plain::Map(out)
        }
        _ => return None,
    })
}

fn read(text: &str, function: &str) -> Result<Plain, FuncError> {
    let options = ParseOptions { duplicates: DuplicateKeys::LastWins, ..ParseOptions::default() };
    let parsed = yaml::parse(text.as_bytes(), function, &options).map_err(|e| e.to_string())?;
    Ok(parsed.documents.into_iter().next().map_or(Plain::Null, |d| d.value))
}

fn from_yaml(_: &mut Scope<'_>, arguments: &mut [Value]) -> Result<Value, FuncError> {
    match read(&text(&arguments[0]), "fromYaml")? {
        Plain::Null => Ok(Map::default().into()),
        found @ Plain::Map(_) => Ok(value(&found)),
        other => Err(format!("fromYaml: expected a map, found a {}", other.kind_name()).into()),
    }
}

fn from_yaml_array(_: &mut Scope<'_>, arguments: &mut [Value]) -> Result<Value, FuncError> {
    match read(&text(&arguments[0]), "fromYamlArray")? {
        Plain::Null => Ok(List::new(Vec::new()).into()),
        found @ Plain::List(_) => Ok(value(&found)),
        other => Err(format!("fromYamlArray: expected a list, found a {}", other.kind_name()).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(template: &str, options: &[&str]) -> Result<String, String> {
        let labels: Params = [("team", Plain::from("maps"))].into_iter().collect();
        let params: Params = [("name", Plain::from("Web_Shop/A")), ("n", 3.0.into()), ("labels", Plain::Map(labels))].into_iter().collect();
        let options: Vec<String> = options.iter().map(|o| (*o).to_owned()).collect();
        GoTemplates::default().render(template, &params, &options).map_err(|e| e.0)
    }

    #[test]
    fn sprig_and_our_own_functions() {
        for (template, rendered) in [
            ("{{ .name }}", "Web_Shop/A"),
            ("{{ .missing }}", "<no value>"),
            ("{{ index .labels \"team\" | upper }}", "MAPS"),
            ("{{ normalize .name }}", "web-shop-a"),
            ("{{ slugify .name }}", "web-shop-a"),
            ("{{ slugify 6 false .name }}", "web-sh"),
            ("{{ slugify 6 true .name }}", "web"),
            ("{{ toYaml .labels }}", "team: maps"),
            ("{{ (fromYaml \"a: {b: 1}\").a.b }}", "1"),
            ("{{ range fromYamlArray \"[x, z]\" }}{{ . }};{{ end }}", "x;z;"),
            ("{{ .n }}", "3"),
        ] {
            assert_eq!(render(template, &[]).as_deref(), Ok(rendered), "{template}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        assert!(render("{{ .missing }}", &["missingkey=error"]).expect_err("missing").contains("missing"));
        assert!(render("{{ env \"HOME\" }}", &[]).expect_err("left out").contains("not defined"));
        assert!(render("{{ .name", &[]).is_err());
        assert!(render("{{ .name }}", &["colour=red"]).is_err());
        assert!(render("{{ fromYaml \"[1]\" }}", &[]).expect_err("a list").contains("expected a map"));
        assert!(render("{{ define \"a\" }}{{ template \"a\" }}{{ end }}{{ template \"a\" }}", &[]).is_err(), "one that loops");
    }
}
