//! The head of a manifest: kind, name, and the annotations that make it a hook.

use gitops_manifest::Value;

use crate::chart::FieldError;
use crate::chart::decode::Fields;
use crate::document;

/// When a hook runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are Helm's own")]
pub enum HookEvent {
    PreInstall,
    PostInstall,
    PreDelete,
    PostDelete,
    PreUpgrade,
    PostUpgrade,
    PreRollback,
    PostRollback,
    Test,
}

impl HookEvent {
    const ALL: [(&'static str, HookEvent); 10] = [
        ("pre-install", HookEvent::PreInstall),
        ("post-install", HookEvent::PostInstall),
        ("pre-delete", HookEvent::PreDelete),
        ("post-delete", HookEvent::PostDelete),
        ("pre-upgrade", HookEvent::PreUpgrade),
        ("post-upgrade", HookEvent::PostUpgrade),
        ("pre-rollback", HookEvent::PreRollback),
        ("post-rollback", HookEvent::PostRollback),
        ("test", HookEvent::Test),
        ("test-success", HookEvent::Test),
    ];

    fn parse(text: &str) -> Option<HookEvent> {
        HookEvent::ALL.iter().find(|(name, _)| *name == text).map(|(_, event)| *event)
    }

    /// As it is written in the annotation.
    pub fn name(self) -> &'static str {
        HookEvent::ALL.iter().find(|(_, event)| *event == self).map_or("", |(name, _)| name)
    }
}

/// When a hook is deleted: `before-hook-creation`, `hook-succeeded`, `hook-failed`, or what else stands there, lower case.
pub type DeletePolicy = String;

/// What Helm reads of each document.
#[derive(Debug, Default)]
pub(super) struct Head {
    pub(super) kind: String,
    pub(super) name: String,
    annotations: Vec<(String, String)>,
}

/// The type that Helm reads `metadata` into, as Go prints it.
const METADATA: &str = r#"struct { Name string "json:\"name\""; Annotations map[string]string "json:\"annotations\"" }"#;

const HOOK: &str = "helm.sh/hook";
const WEIGHT: &str = "helm.sh/hook-weight";
const DELETE_POLICY: &str = "helm.sh/hook-delete-policy";

impl Head {
    pub(super) fn read(text: &str) -> Result<Head, String> {
        let value =
            document::first_default(text.as_bytes(), "").map_err(|reason| format!("error converting YAML to JSON: yaml: {reason}"))?;
        Head::of(&value).map_err(|e| e.to_string())
    }

    fn of(value: &Value) -> Result<Head, FieldError> {
        let mut head = Head::default();
        let Some(fields) = Fields::of("releaseutil.SimpleHead", value)? else { return Ok(head) };
        let mut version = String::new();
        fields.text("apiVersion", &mut version)?;
        fields.text("kind", &mut head.kind)?;
        if let Some(metadata) = fields.get("metadata") {
            let place = "struct field SimpleHead.metadata".to_owned();
            let fields = Fields::of(".metadata", metadata).map_err(|e| FieldError { place, wanted: METADATA, ..e })?;
            let Some(fields) = fields else { return Ok(head) };
            fields.text("name", &mut head.name)?;
            let mut annotations = None;
            fields.text_map("annotations", &mut annotations)?;
            head.annotations = annotations.unwrap_or_default();
        }
        Ok(head)
    }

    fn annotation(&self, key: &str) -> Option<&str> {
        self.annotations.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_str())
    }

    pub(super) fn is_hook(&self) -> bool {
        self.annotation(HOOK).is_some()
    }

    /// The events; `None` when one of them is unknown, which makes Helm drop the document.
    pub(super) fn events(&self) -> Option<Vec<HookEvent>> {
        words(self.annotation(HOOK)?).map(|word| HookEvent::parse(&word)).collect()
    }

    pub(super) fn weight(&self) -> i64 {
        self.annotation(WEIGHT).and_then(|w| w.parse().ok()).unwrap_or(0)
    }

    pub(super) fn delete_policies(&self) -> Vec<DeletePolicy> {
        self.annotation(DELETE_POLICY).map(|list| words(list).collect()).unwrap_or_default()
    }
}

fn words(list: &str) -> impl Iterator<Item = String> {
    list.split(',').map(|word| word.trim().to_lowercase())
}
