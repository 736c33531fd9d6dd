//! Differences that do not count: `spec.ignoreDifferences`, compiled. `diff.md` §7.1.

use gitops_manifest::pointer::Pointer;
use gitops_manifest::{ObjectId, Value};
use globset::{GlobBuilder, GlobMatcher};

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
    /// jq paths. Not supported yet.
    pub jq_path_expressions: Vec<String>,
    /// Field managers. Not supported yet.
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
    /// A field that we cannot honour yet.
    #[error("ignore rule for kind `{kind}`: `{field}` is not supported yet; use `jsonPointers`")]
    Unsupported {
        /// Kind of the rule.
        kind: String,
        /// The field.
        field: &'static str,
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
}

impl IgnoreRule {
    /// Compiles a rule.
    ///
    /// # Errors
    /// When a glob or pointer does not parse, the kind is empty, or the rule uses what is not supported yet.
    pub fn new(spec: &IgnoreSpec) -> Result<IgnoreRule, IgnoreRuleError> {
        let kind = || spec.kind.clone();
        if spec.kind.is_empty() {
            return Err(IgnoreRuleError::NoKind);
        }
        let unsupported = [("jqPathExpressions", &spec.jq_path_expressions), ("managedFieldsManagers", &spec.managed_fields_managers)];
        if let Some((field, _)) = unsupported.into_iter().find(|(_, list)| !list.is_empty()) {
            return Err(IgnoreRuleError::Unsupported { kind: kind(), field });
        }
        let glob = |field, text: &str| {
            let built = GlobBuilder::new(text).literal_separator(false).build().map(|g| g.compile_matcher());
            built.map_err(|e| IgnoreRuleError::Glob { kind: kind(), field, glob: text.to_owned(), why: e.kind().to_string() })
        };
        let pointers = |(index, pointer): (usize, &String)| {
            let parsed = Pointer::parse(pointer).ok().filter(|p| !p.is_root());
            parsed.ok_or_else(|| IgnoreRuleError::Pointer { kind: kind(), index, pointer: pointer.clone() })
        };
        Ok(IgnoreRule {
            group: glob("group", &spec.group)?,
            kind: glob("kind", &spec.kind)?,
            name: spec.name.clone(),
            namespace: spec.namespace.clone(),
            pointers: spec.json_pointers.iter().enumerate().map(pointers).collect::<Result<_, _>>()?,
        })
    }

    /// Whether it applies to this object.
    pub fn selects(&self, id: &ObjectId) -> bool {
        let text = |wanted: &str, has: &str| wanted.is_empty() || wanted == has;
        self.kind.is_match(&id.kind) && self.group.is_match(&id.group) && text(&self.name, &id.name) && text(&self.namespace, &id.namespace)
    }

    /// Takes what it ignores out of an object. A pointer to nothing does nothing.
    pub fn remove_from(&self, object: &mut Value) {
        for pointer in &self.pointers {
            let _nothing_there = pointer.remove(object);
        }
    }

    pub(crate) fn touches(&self, object: &Value) -> bool {
        self.pointers.iter().any(|pointer| pointer.get(object).is_ok())
    }
}
