//! What a configuration says of kinds of objects: ignored differences, known types, health scripts, actions.
//!
//! In: the keys `resource.…` of Argo CD's `argocd-cm`, as a map of texts. Out: [`Customizations`], and every key that is wrong
//! as a [`Problem`]; the rest still counts. Pure: nothing is read, scripts are compiled and not run.
//!
//! | key | what it says |
//! | --- | --- |
//! | `resource.customizations.ignoreDifferences.GROUP_KIND` (core: `KIND`; `all`) | YAML: jsonPointers, jqPathExpressions, managedFieldsManagers |
//! | `resource.customizations.knownTypeFields.GROUP_KIND` | YAML: list of `{field, type}` |
//! | `resource.customizations.health.GROUP_KIND` | Lua |
//! | `resource.customizations.useOpenLibs.GROUP_KIND` | `"true"`: that script may use `string`, `math` and `coroutine` |
//! | `resource.customizations.actions.GROUP_KIND` | YAML: discovery.lua, definitions, mergeBuiltinActions |
//! | `resource.customizations` | YAML: map of `GROUP/KIND`, `*` allowed, to all of these |
//! | `resource.compareoptions` | YAML: ignoreResourceStatusField, ignoreAggregatedRoles |
//!
//! Rules: `diff.md` §7.2, §7.3, §8; `health.md` §3, §5. One difference: the managers of a system rule count for every kind that
//! the rule selects; the reference looks them up in a way that misses core kinds and wildcards.
//!
//! ```
//! use gitops_customize::Customizations;
//!
//! let key = "resource.customizations.ignoreDifferences.apps_Deployment";
//! let (customizations, problems) = Customizations::read([(key, "jsonPointers: [/spec/replicas]")]);
//! assert!(problems.is_empty());
//! assert_eq!(customizations.rules.len(), 1);
//! ```

mod parts;

use gitops_actions::Actions;
use gitops_diff::{CompareOptions, Comparer, IgnoreRule, Managers};
use gitops_health::Health;
use gitops_lua::HealthScripts;
use gitops_manifest::Value;

pub use parts::Problem;

/// What the configuration says of kinds.
#[derive(Clone, Debug, Default)]
pub struct Customizations {
    /// Differences that do not count, for all applications.
    pub rules: Vec<IgnoreRule>,
    /// What is compared.
    pub options: CompareOptions,
    /// Users' health scripts.
    pub health: HealthScripts,
    /// Actions of resources, users' beside the shipped ones.
    pub actions: Actions,
}

impl Customizations {
    /// Reads settings; keys that are none of these are left alone.
    pub fn read<'a>(settings: impl IntoIterator<Item = (&'a str, &'a str)>) -> (Customizations, Vec<Problem>) {
        let mut reader = parts::Reader::default();
        for (key, text) in settings {
            reader.key(key, text);
        }
        reader.finish()
    }

    /// The health of a live object: by the users' script for its kind, else by the rules that are shipped.
    pub fn assess(&self, live: &Value) -> Option<Health> {
        self.health.assess(live)
    }

    /// What compares objects of a cluster in which these managers' fields are ours.
    pub fn comparer(&self, managers: Managers) -> Comparer {
        Comparer { managers, options: self.options.clone(), rules: self.rules.clone() }
    }
}
