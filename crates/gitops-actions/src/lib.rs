//! Resource actions: restart, scale, pause, resume and the like, found for a live object and run on it. Nothing is sent anywhere: a run
//! says what is to be created and patched.
//!
//! ```
//! use gitops_actions::{Actions, Impact, Input};
//! use gitops_manifest::json;
//!
//! let live = json::parse(br#"{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {"replicas": 1}}"#, "web")?;
//! let actions = Actions::default();
//! assert!(actions.discover(&live)?.iter().any(|a| a.name == "scale" && !a.disabled));
//! let input = Input { params: [("replicas".to_owned(), "3".to_owned())].into(), now: 1_700_000_000 };
//! let impacts = actions.run(&live, "scale", &input)?;
//! assert_eq!(impacts[0].patch_of(&live).as_ref().map(json::print).as_deref(), Some(r#"{"spec":{"replicas":3}}"#));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The actions we ship are Rust ([`builtin`](self)); users' are Lua in Argo CD's API ([`UserActions`]), with reduced libraries. Times are UTC
//! seconds; parameters are texts. Rules: `resource.customizations.actions` of Argo CD's documentation.

mod action;
mod builtin;
mod edit;
mod time;
mod user;

use std::collections::BTreeMap;

use gitops_manifest::Value;

pub use action::{Action, ActionError, Impact, Input, Param};
pub use user::UserActions;

/// The actions there are: the shipped ones and users' by kind.
#[derive(Clone, Debug, Default)]
pub struct Actions {
    users: BTreeMap<(String, String), UserActions>,
}

impl Actions {
    /// Sets users' actions for a kind. Wildcards mean nothing here.
    pub fn set(&mut self, group: &str, kind: &str, actions: UserActions) {
        self.users.insert((group.to_owned(), kind.to_owned()), actions);
    }

    fn users_of(&self, live: &Value) -> Option<&UserActions> {
        let (group, kind) = builtin::group_and_kind(live);
        self.users.get(&(group.to_owned(), kind.to_owned()))
    }

    /// The actions of a live object, by name. Users' discovery replaces the shipped one, unless they ask for both; then theirs wins
    /// where names are equal.
    ///
    /// # Errors
    /// When a user's discovery script fails or returns something else than a table.
    pub fn discover(&self, live: &Value) -> Result<Vec<Action>, ActionError> {
        let mut found = match self.users_of(live) {
            None => builtin::discover(live),
            Some(users) => {
                let mut found = users.discover(live)?;
                if users.merges_built_in() {
                    let missing: Vec<Action> =
                        builtin::discover(live).into_iter().filter(|a| found.iter().all(|f| f.name != a.name)).collect();
                    found.extend(missing);
                }
                found
            }
        };
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }

    /// Runs an action: the user's definition of that name, else the shipped one. Whether the action is disabled is for the caller to ask.
    ///
    /// # Errors
    /// When there is no such action, it refuses its input, or a script fails.
    pub fn run(&self, live: &Value, action: &str, input: &Input) -> Result<Vec<Impact>, ActionError> {
        if let Some(result) = self.users_of(live).and_then(|users| users.run(live, action, input)) {
            return result;
        }
        builtin::run(live, action, input).unwrap_or_else(|| {
            let (group, kind) = builtin::group_and_kind(live);
            Err(ActionError::NoSuchAction { group: group.to_owned(), kind: kind.to_owned(), action: action.to_owned() })
        })
    }
}
