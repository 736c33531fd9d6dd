//! Health by users' scripts, and which script serves which kind.

use gitops_health::{Health, HealthStatus};
use gitops_manifest::{Map, Value};

use crate::script::{Libraries, Limits, Script, ScriptError};

/// Why a health script has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HealthError {
    /// The script itself failed.
    #[error(transparent)]
    Script(#[from] ScriptError),
    /// The script returned something else than a table.
    #[error("expect table output from Lua script, not {found}")]
    NotATable {
        /// Lua's name of what it returned.
        found: &'static str,
    },
}

/// A user's script for the health of a kind.
#[derive(Clone, Debug)]
pub struct HealthScript {
    script: Script,
}

impl HealthScript {
    /// Takes the text of a script, which `name` names in errors.
    ///
    /// # Errors
    /// When the text is not Lua.
    pub fn new(name: &str, text: &str, libraries: Libraries) -> Result<HealthScript, ScriptError> {
        Ok(HealthScript { script: Script::new(name, text, libraries)? })
    }

    /// The same script with other limits.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> HealthScript {
        HealthScript { script: self.script.with_limits(limits) }
    }

    /// The health of a live object. `None` when the script has nothing to say (`nil` or an empty table): such an object counts as
    /// assessed and holds nothing up. A status that is none is `Unknown`.
    ///
    /// # Errors
    /// When the script fails or returns no table.
    pub fn assess(&self, live: &Value) -> Result<Option<Health>, HealthError> {
        let none = Value::Map(Map::new());
        let result = self.script.run(&[("obj", live), ("actionParams", &none)])?;
        let table = match result {
            None => return Ok(None),
            Some(Value::List(list)) if list.is_empty() => return Ok(None),
            Some(table @ (Value::Map(_) | Value::List(_))) => table,
            Some(Value::Bool(_)) => return Err(HealthError::NotATable { found: "boolean" }),
            Some(Value::Number(_)) => return Err(HealthError::NotATable { found: "number" }),
            Some(_) => return Err(HealthError::NotATable { found: "string" }),
        };
        let message = table.str_at(&["message"]).unwrap_or("");
        Ok(Some(match table.str_at(&["status"]).and_then(HealthStatus::parse) {
            Some(status) => Health::new(status, message),
            None => Health::new(HealthStatus::Unknown, "Lua returned an invalid health status"),
        }))
    }
}

/// Users' health scripts by kind.
#[derive(Clone, Debug, Default)]
pub struct HealthScripts {
    /// `group/Kind` (core: `Kind`), possibly with `*` and `?`.
    scripts: Vec<(String, HealthScript)>,
}

impl HealthScripts {
    /// Adds the script for `group/Kind` (the core group: `Kind`); `*` and `?` stand for characters. A later one of the same key replaces
    /// the earlier.
    pub fn add(&mut self, kinds: &str, script: HealthScript) {
        self.scripts.retain(|(key, _)| key != kinds);
        self.scripts.push((kinds.to_owned(), script));
        self.scripts.sort_by(|a, b| a.0.cmp(&b.0));
    }

    /// The script for a kind: the exact key, else the first pattern in order that fits.
    pub fn of(&self, group: &str, kind: &str) -> Option<&HealthScript> {
        let key = if group.is_empty() { kind.to_owned() } else { format!("{group}/{kind}") };
        let exact = self.scripts.iter().find(|(k, _)| *k == key);
        exact
            .or_else(|| self.scripts.iter().find(|(k, _)| k.contains(['*', '?']) && gitops_health::matches(k, &key)))
            .map(|(_, script)| script)
    }

    /// The health of a live object: being deleted, by the users' script for its kind, else as [`gitops_health::assess`] says.
    /// A script that fails makes `Unknown`, with its error as message.
    pub fn assess(&self, live: &Value) -> Option<Health> {
        if let Some(deleted) = gitops_health::pending_deletion(live) {
            return Some(deleted);
        }
        let version = live.str_at(&["apiVersion"]).unwrap_or("");
        let group = version.split_once('/').map_or("", |(group, _)| group);
        match self.of(group, live.str_at(&["kind"]).unwrap_or("")) {
            None => gitops_health::assess(live),
            Some(script) => match script.assess(live) {
                Ok(health) => health,
                Err(error) => Some(Health::new(HealthStatus::Unknown, error.to_string())),
            },
        }
    }
}
