//! Differences that do not count: `spec.ignoreDifferences`, compiled. `diff.md` §7.1.

use gitops_manifest::pointer::Pointer;
use gitops_manifest::{ObjectId, Value};
use globset::{GlobBuilder, GlobMatcher};

use crate::jq::{JQ_STEPS, JqError, Program};

/// A rule as it is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IgnoreSpec {
    /// Glob of the API group; empty is the core group only, `*` is all.
    pub group: String,
    /// Glob of the kind.
    pub kind: String,
    /// Name; empty is any.
    pub name: String,
    /// Namespace; empty is any.
    pub namespace: String,
    /// RFC 6901 pointers.
    pub json_pointers: Vec<String>,
    /// jq paths.
    pub jq_path_expressions: Vec<String>,
    /// Field managers: what they own and changed is left alone.
    pub managed_fields_managers: Vec<String>,
}

/// Why a rule cannot be used. The whole comparison is then refused: a rule that is dropped in silence would let a sync
/// overwrite what somebody wanted left alone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IgnoreRuleError {
    /// A rule needs a kind.
    #[error("ignore rule: `kind` is empty; name a kind, or `*` for all")]
    NoKind,
    /// A glob that does not parse.
    #[error("ignore rule for kind `{kind}`: `{field}`: `{glob}` is not a glob: {why}")]
    Glob {
        /// Kind of the rule.
        kind: String,
        /// Field with the glob.
        field: &'static str,
        /// The glob.
        glob: String,
        /// What is wrong with it.
        why: String,
    },
    /// A pointer that does not parse, or points at the whole object.
    #[error(
        "ignore rule for kind `{kind}`: jsonPointers[{index}]: `{pointer}` is not a JSON pointer to a field; write e.g. `/spec/replicas`"
    )]
    Pointer {
        /// Kind of the rule.
        kind: String,
        /// Which pointer.
        index: usize,
        /// The pointer.
        pointer: String,
    },
    /// A jq expression that does not run here.
    #[error("ignore rule for kind `{kind}`: jqPathExpressions[{index}]: `{expression}` {why}")]
    Jq {
        /// Kind of the rule.
        kind: String,
        /// Which expression.
        index: usize,
        /// The expression.
        expression: String,
        /// What is wrong with it.
        why: String,
    },
}

/// A compiled rule.
#[derive(Clone, Debug)]
pub struct IgnoreRule {
    group: GlobMatcher,
    kind: GlobMatcher,
    name: String,
    namespace: String,
    pointers: Vec<Pointer>,
    programs: Vec<Program>,
    managers: Vec<String>,
}

impl IgnoreRule {
    /// Compiles a rule.
    ///
    /// # Errors
    /// When a glob, pointer or expression does not parse, the kind is empty, or an expression uses what does not run here.
    pub fn new(spec: &IgnoreSpec) -> Result<IgnoreRule, IgnoreRuleError> {
        IgnoreRule::with_steps(spec, JQ_STEPS)
    }

    /// As [`IgnoreRule::new`], with another limit for jq expressions than [`JQ_STEPS`].
    ///
    /// # Errors
    /// As [`IgnoreRule::new`].
    pub fn with_steps(spec: &IgnoreSpec, steps: u64) -> Result<IgnoreRule, IgnoreRuleError> {
        let kind = || spec.kind.clone();
        if spec.kind.is_empty() {
            return Err(IgnoreRuleError::NoKind);
        }
        let glob = |field, text: &str| {
            let built = GlobBuilder::new(text).literal_separator(false).build().map(|g| g.compile_matcher());
            built.map_err(|e| IgnoreRuleError::Glob { kind: kind(), field, glob: text.to_owned(), why: e.kind().to_string() })
        };
        let pointers = |(index, pointer): (usize, &String)| {
            let parsed = Pointer::parse(pointer).ok().filter(|p| !p.is_root());
            parsed.ok_or_else(|| IgnoreRuleError::Pointer { kind: kind(), index, pointer: pointer.clone() })
        };
        let program = |(index, text): (usize, &String)| {
            let error = |e: JqError| IgnoreRuleError::Jq { kind: kind(), index, expression: text.clone(), why: e.to_string() };
            Program::new(text, steps).map_err(error)
        };
        Ok(IgnoreRule {
            group: glob("group", &spec.group)?,
            kind: glob("kind", &spec.kind)?,
            name: spec.name.clone(),
            namespace: spec.namespace.clone(),
            pointers: spec.json_pointers.iter().enumerate().map(pointers).collect::<Result<_, _>>()?,
            programs: spec.jq_path_expressions.iter().enumerate().map(program).collect::<Result<_, _>>()?,
            managers: spec.managed_fields_managers.clone(),
        })
    }

    /// Whether it applies to this object.
    pub fn selects(&self, id: &ObjectId) -> bool {
        let text = |wanted: &str, has: &str| wanted.is_empty() || wanted == has;
        self.kind.is_match(&id.kind) && self.group.is_match(&id.group) && text(&self.name, &id.name) && text(&self.namespace, &id.namespace)
    }

    /// Takes what it ignores out of an object. A pointer to nothing, and an expression that fails or takes too long, does nothing.
    pub fn remove_from(&self, object: &mut Value) {
        for pointer in &self.pointers {
            let _nothing_there = pointer.remove(object);
        }
        for program in &self.programs {
            program.remove_from(object);
        }
    }

    /// The managers whose changes are left alone.
    pub(crate) fn managers(&self) -> &[String] {
        &self.managers
    }

    pub(crate) fn touches(&self, object: &Value) -> bool {
        !self.programs.is_empty() || self.pointers.iter().any(|pointer| pointer.get(object).is_ok())
    }
}
