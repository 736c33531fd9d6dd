//! `config.yaml`: what is merged over a manifest, for every environment or for one.

use gitops_manifest::{Map, Value};

use super::content::{Layer, SettingsFile, child};
use crate::error::Problem;
use crate::nearest::nearest;

/// Names that are environments wherever nothing else is declared.
const USUAL: [&str; 16] = [
    "production",
    "prod",
    "staging",
    "stage",
    "development",
    "dev",
    "test",
    "testing",
    "qa",
    "uat",
    "preview",
    "local",
    "integration",
    "sandbox",
    "preprod",
    "acceptance",
];

/// The key for every environment, in the form by name.
const DEFAULT: &str = "default";

/// The form of a `config.yaml`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Form {
    Explicit,
    ByName,
    Plain,
}

/// The layers that a `config.yaml` adds for one environment, and all environments that it names.
pub(super) struct Config {
    pub(super) layers: Vec<Layer>,
    pub(super) named: Vec<String>,
}

/// Reads one `config.yaml`. `declared` are the environments of `platform.yaml`, if it declares any.
pub(super) fn read(file: &SettingsFile, declared: Option<&[String]>, environment: &str) -> Result<Config, Vec<Problem>> {
    let map = file.map().map_err(|p| vec![p])?;
    match form(&map, declared, environment) {
        Form::Plain => Ok(Config { layers: vec![file.layer("", Value::Map(map))], named: Vec::new() }),
        Form::ByName => by_name(file, &map, "", declared, environment, Vec::new()),
        Form::Explicit => {
            let mut shared = map.clone();
            let environments = shared.remove("environments").unwrap_or_default();
            let layers = vec![file.layer("", Value::Map(shared))];
            let empty = Map::new();
            by_name(file, environments.as_map().unwrap_or(&empty), "/environments", declared, environment, layers)
        }
    }
}

fn form(map: &Map, declared: Option<&[String]>, environment: &str) -> Form {
    if map.get("environments").is_some_and(|v| v.as_map().is_some()) {
        return Form::Explicit;
    }
    let nested = |v: &Value| v.is_null() || v.as_map().is_some();
    let by_name = match declared {
        Some(names) => {
            let only_default = map.len() == 1 && map.get(DEFAULT).is_some_and(nested);
            let is = |key: &str| names.iter().any(|n| n == key);
            only_default || map.iter().any(|(k, v)| is(k) || (v.as_map().is_some() && names.iter().any(|name| is_slip(k, name))))
        }
        None => map.values().all(nested) && map.keys().any(|k| USUAL.contains(&k.as_str()) || k.as_str() == environment),
    };
    if by_name { Form::ByName } else { Form::Plain }
}

/// Whether `key` is so nearly `name` that it can only be a slip. Narrower than [`nearest`]: a setting `host` is no slip of
/// an environment `test`, and nobody wants it refused.
fn is_slip(key: &str, name: &str) -> bool {
    let most = match name.chars().count() {
        0..=4 => 0,
        5..=7 => 1,
        _ => 2,
    };
    (1..=most).contains(&strsim::osa_distance(key, name))
}

fn by_name(
    file: &SettingsFile,
    map: &Map,
    pointer: &str,
    declared: Option<&[String]>,
    environment: &str,
    mut layers: Vec<Layer>,
) -> Result<Config, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut named = Vec::new();
    for (key, value) in map.iter() {
        let place = child(pointer, key);
        let known = key.as_str() == DEFAULT || declared.is_none_or(|names| names.iter().any(|n| n == key.as_str()));
        if !known {
            problems.push(unknown(file, &place, key, declared.unwrap_or_default()));
        } else if !(value.is_null() || value.as_map().is_some()) {
            let field = key.to_string();
            problems.push(Problem::Expected { at: file.locate(&place), field, expected: "a map", found: value.kind_name() });
        } else if key.as_str() != DEFAULT {
            named.push(key.to_string());
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    for key in [DEFAULT, environment] {
        if let Some(value @ Value::Map(_)) = map.get(key)
            && (key == DEFAULT || environment != DEFAULT)
        {
            layers.push(file.layer(&child(pointer, key), value.clone()));
        }
    }
    Ok(Config { layers, named })
}

fn unknown(file: &SettingsFile, pointer: &str, name: &str, known: &[String]) -> Problem {
    Problem::UnknownEnvironment {
        at: file.locate(pointer),
        name: name.to_owned(),
        known: known.to_vec(),
        similar: nearest(name, known.iter().map(String::as_str)).map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gitops_manifest::json;

    fn form_of(text: &str, declared: Option<&[&str]>, environment: &str) -> Form {
        let value = json::parse(text.as_bytes(), "config").unwrap();
        let declared: Option<Vec<String>> = declared.map(|d| d.iter().map(|s| (*s).to_owned()).collect());
        form(value.as_map().unwrap(), declared.as_deref(), environment)
    }

    #[test]
    fn the_three_forms_are_told_apart() {
        let declared = Some(["production", "staging"].as_slice());
        assert_eq!(form_of(r#"{"interval": 5}"#, declared, "production"), Form::Plain);
        assert_eq!(form_of(r#"{"production": {"interval": 5}}"#, declared, "staging"), Form::ByName);
        assert_eq!(form_of(r#"{"prodction": {"interval": 5}}"#, declared, "staging"), Form::ByName, "a slip is to be reported");
        assert_eq!(form_of(r#"{"default": {"interval": 5}}"#, declared, "staging"), Form::ByName);
        assert_eq!(form_of(r#"{"default": {"interval": 5}, "cache": {"size": 1}}"#, declared, "staging"), Form::Plain);
        assert_eq!(form_of(r#"{"environments": {"production": {}}, "interval": 5}"#, declared, "staging"), Form::Explicit);
        assert_eq!(form_of(r#"{"environments": ["production"]}"#, declared, "staging"), Form::Plain);
        assert_eq!(form_of(r#"{"production": {"a": 1}, "eu-west": {"a": 2}}"#, None, "staging"), Form::ByName);
        assert_eq!(form_of(r#"{"eu-west": {"a": 2}}"#, None, "eu-west"), Form::ByName);
        assert_eq!(form_of(r#"{"production": true, "cache": {"a": 2}}"#, None, "production"), Form::Plain);
        assert_eq!(form_of(r#"{"host": {"name": "a"}}"#, Some(&["test"]), "test"), Form::Plain, "a setting, not a slip");
        assert_eq!(form_of("{}", None, "production"), Form::Plain);
    }
}
