//! [`Comparer`]: what a cluster's comparisons have in common.

use gitops_manifest::Value;
use gitops_schema::Schema;

use crate::confirm::confirm;
use crate::ignore::IgnoreRule;
use crate::normal::{CompareOptions, Normal};
use crate::owned::{Context, Owned, compare_owned};
use crate::ownership::{Managers, Ownership};
use crate::predicted::predicted;

/// Whose fields are ours, what is compared, and what the whole system ignores.
#[derive(Clone, Debug, Default)]
pub struct Comparer {
    /// The managers whose fields are ours.
    pub managers: Managers,
    /// What is compared.
    pub options: CompareOptions,
    /// What is ignored for every application, after its own rules.
    pub rules: Vec<IgnoreRule>,
}

impl Comparer {
    /// [`compare_owned`], with the rules of an application before those of the system.
    pub fn compare(&self, schema: &Schema, desired: &Value, live: &Value, rules: &[IgnoreRule]) -> Owned {
        let ownership = Ownership::of(live, &self.managers);
        compare_owned(desired, live, &ownership, &self.context(schema, rules))
    }

    /// [`confirm`], with the rules of an application before those of the system.
    pub fn confirm(&self, schema: &Schema, predicted: &Value, live: &Value, rules: &[IgnoreRule], all: bool) -> Owned {
        let ownership = Ownership::of(live, &self.managers);
        confirm(predicted, live, &ownership, &self.managers, all, &self.context(schema, rules))
    }

    /// Live without what is not compared, and what it becomes by an apply: what people are shown.
    pub fn seen(&self, live: &Value, found: &Owned) -> (Value, Value) {
        let schema = Schema::default();
        let context = Context { schema: &schema, rules: &[], system: &[], options: &self.options };
        let normal = Normal::of(live, live, &context);
        (normal.visible(live), normal.visible(&predicted(live, &found.differences)))
    }

    fn context<'a>(&'a self, schema: &'a Schema, rules: &'a [IgnoreRule]) -> Context<'a> {
        Context { schema, rules, system: &self.rules, options: &self.options }
    }
}
