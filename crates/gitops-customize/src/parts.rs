//! Reads the keys, each by its own rule.

use std::collections::{BTreeMap, BTreeSet};

use gitops_actions::UserActions;
use gitops_diff::{IgnoreRule, IgnoreSpec, IgnoreStatus};
use gitops_lua::{HealthScript, Libraries};
use gitops_manifest::yaml::{self, DuplicateKeys, ParseOptions};
use gitops_manifest::{Map, Value};

use crate::Customizations;

const SPLIT: &str = "resource.customizations.";
const WHOLE: &str = "resource.customizations";
const OPTIONS: &str = "resource.compareoptions";

/// A setting that does not count, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{key}`: {message}")]
pub struct Problem {
    /// The setting.
    pub key: String,
    /// What is wrong and what to write.
    pub message: String,
}

/// A health script that waits for the libraries it may use.
struct Script {
    key: String,
    text: String,
}

#[derive(Default)]
pub(crate) struct Reader {
    out: Customizations,
    problems: Vec<Problem>,
    /// By `group/Kind`: the libraries may be named after the script.
    scripts: BTreeMap<String, Script>,
    open: BTreeSet<String>,
}

impl Reader {
    pub(crate) fn key(&mut self, key: &str, text: &str) {
        if key == OPTIONS {
            self.options(key, text);
        } else if key == WHOLE {
            let Some(value) = self.yaml(key, text) else { return };
            for (kind, customization) in value.as_map().into_iter().flat_map(Map::iter) {
                self.whole(key, kind, customization);
            }
        } else if let Some((what, kind)) = key.strip_prefix(SPLIT).and_then(|rest| rest.split_once('.')) {
            // `GROUP_KIND`: groups have dots, kinds have no underscores.
            let kind = match kind {
                "all" if what.starts_with("ignore") => "*/*".to_owned(),
                kind => kind.rsplit_once('_').map_or_else(|| kind.to_owned(), |(group, kind)| format!("{group}/{kind}")),
            };
            self.split(key, what, &kind, text);
        } else if key.starts_with(SPLIT) {
            self.problem(key, "write `resource.customizations.TYPE.GROUP_KIND`");
        }
    }

    pub(crate) fn finish(mut self) -> (Customizations, Vec<Problem>) {
        for (kind, script) in std::mem::take(&mut self.scripts) {
            let libraries = if self.open.contains(&kind) { Libraries::Open } else { Libraries::Reduced };
            match HealthScript::new(&kind, &script.text, libraries) {
                Ok(compiled) => self.out.health.add(&kind, compiled),
                Err(e) => self.problem(&script.key, &e.to_string()),
            }
        }
        (self.out, self.problems)
    }

    fn problem(&mut self, key: &str, message: &str) {
        self.problems.push(Problem { key: key.to_owned(), message: message.to_owned() });
    }

    fn yaml(&mut self, key: &str, text: &str) -> Option<Value> {
        let options = ParseOptions { duplicates: DuplicateKeys::LastWins, ..ParseOptions::default() };
        match yaml::parse(text.as_bytes(), key, &options) {
            Ok(mut parsed) if parsed.documents.len() == 1 => Some(parsed.documents.remove(0).value),
            Ok(_) => {
                self.problem(key, "expected one YAML document");
                None
            }
            Err(e) => {
                self.problem(key, &e.to_string());
                None
            }
        }
    }

    fn split(&mut self, key: &str, what: &str, kind: &str, text: &str) {
        match what {
            "health" => self.health(key, kind, text),
            "useOpenLibs" => {
                if text.trim() == "true" {
                    self.open.insert(kind.to_owned());
                }
            }
            "ignoreDifferences" | "knownTypeFields" | "actions" => {
                let Some(value) = self.yaml(key, text) else { return };
                match what {
                    "ignoreDifferences" => self.ignore(key, kind, &value),
                    "knownTypeFields" => self.known(key, kind, &value),
                    _ => self.actions(key, kind, &value),
                }
            }
            // Which changes wake an application is for the watches, not for the comparison.
            "ignoreResourceUpdates" => {}
            other => {
                let message = format!(
                    "`{other}` is no type of customization: write health, useOpenLibs, actions, ignoreDifferences, ignoreResourceUpdates or knownTypeFields"
                );
                self.problem(key, &message);
            }
        }
    }

    /// One kind of the map that holds all types.
    fn whole(&mut self, key: &str, kind: &str, customization: &Value) {
        if let Some(text) = customization.str_at(&["health.lua"]) {
            self.health(key, kind, text);
        }
        if customization.get("health.lua.useOpenLibs").and_then(Value::as_bool) == Some(true) {
            self.open.insert(kind.to_owned());
        }
        // Some parts are YAML within YAML in the wild.
        for (name, read) in [
            ("ignoreDifferences", Reader::ignore as fn(&mut Reader, &str, &str, &Value)),
            ("knownTypeFields", Reader::known),
            ("actions", Reader::actions),
        ] {
            match customization.get(name) {
                None | Some(Value::Null) => {}
                Some(Value::String(text)) => {
                    if let Some(value) = self.yaml(key, text) {
                        read(self, key, kind, &value);
                    }
                }
                Some(value) => read(self, key, kind, value),
            }
        }
    }

    fn health(&mut self, key: &str, kind: &str, text: &str) {
        self.scripts.insert(kind.to_owned(), Script { key: key.to_owned(), text: text.to_owned() });
    }

    fn ignore(&mut self, key: &str, kind: &str, value: &Value) {
        let (group, kind) = kind.rsplit_once('/').unwrap_or(("", kind));
        let texts = |name: &str| {
            let list = value.get(name).and_then(Value::as_list).unwrap_or_default();
            list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let spec = IgnoreSpec {
            group: group.to_owned(),
            kind: kind.to_owned(),
            json_pointers: texts("jsonPointers"),
            jq_path_expressions: texts("jqPathExpressions"),
            managed_fields_managers: texts("managedFieldsManagers"),
            ..IgnoreSpec::default()
        };
        match IgnoreRule::new(&spec) {
            Ok(rule) => self.out.rules.push(rule),
            Err(e) => self.problem(key, &e.to_string()),
        }
    }

    fn known(&mut self, key: &str, kind: &str, value: &Value) {
        let list = value.as_list().unwrap_or_default();
        let fields: Vec<(&str, &str)> = list.iter().filter_map(|f| Some((f.str_at(&["field"])?, f.str_at(&["type"])?))).collect();
        for unknown in self.out.options.known_types.set(kind, &fields) {
            self.problem(key, &format!("`{unknown}` is no known type; write core/v1/PodSpec or another type of the core API"));
        }
    }

    fn actions(&mut self, key: &str, kind: &str, value: &Value) {
        let (group, kind) = kind.rsplit_once('/').unwrap_or(("", kind));
        let mut actions = UserActions::new(value.get("mergeBuiltinActions").and_then(Value::as_bool) == Some(true));
        if let Some(text) = value.str_at(&["discovery.lua"])
            && let Err(e) = actions.set_discovery(&format!("{kind} discovery.lua"), text)
        {
            self.problem(key, &e.to_string());
        }
        for definition in value.get("definitions").and_then(Value::as_list).unwrap_or_default() {
            let (Some(name), Some(text)) = (definition.str_at(&["name"]), definition.str_at(&["action.lua"])) else {
                self.problem(key, "a definition needs `name` and `action.lua`");
                continue;
            };
            if let Err(e) = actions.define(name, &format!("{kind} {name}"), text) {
                self.problem(key, &e.to_string());
            }
        }
        self.out.actions.set(group, kind, actions);
    }

    fn options(&mut self, key: &str, text: &str) {
        let Some(value) = self.yaml(key, text) else { return };
        // The word `none` is a text; `off` and `false` may be flags.
        match value.get("ignoreResourceStatusField") {
            Some(Value::Bool(false)) => self.out.options.ignore_status = IgnoreStatus::Never,
            Some(Value::String(word)) => self.out.options.ignore_status = IgnoreStatus::parse(word),
            _ => {}
        }
        self.out.options.ignore_aggregated_roles = value.get("ignoreAggregatedRoles").and_then(Value::as_bool) == Some(true);
    }
}
