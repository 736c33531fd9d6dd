//! The table: `docs/no-false-drift.md`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use gitops_manifest::Value;

const HEAD: &str = "# No false drift

Made by `UPDATE_EXPECT=1 cargo test -p gitops-diff --test no_false_drift`, which fails when this page is stale: do not edit.

Every example is applied by server-side apply to a real API server (Kubernetes 1.34), which fills in its defaults, and the
controllers act on it. Then nothing differs. Then each value is changed in turn, and the difference is that value and nothing
else; where the API server accepts the change in a dry run, its answer differs too. Then each field is taken away in turn, and
whatever the API server would change by that is seen.

- *asked*: examples of which only a dry run could say that they are in sync (a value in git that means \"not set\").
- *changed*, *taken away*: places that were changed, and fields that were taken away.
- *refused*: changes that the API server does not allow (immutable or invalid); these are compared, but not tried.
- *kept*: changes that the API server accepts and ignores; below. They show until git is put right.
- *filled in again*: fields that git no longer has and that show as a difference until the next sync, which changes nothing but
  their owner: the API server fills in the same value.

| kind | examples | asked | changed | taken away | refused | kept | filled in again |
| --- | --- | --- | --- | --- | --- | --- | --- |
";

/// Kinds without an example, and why.
const REASONS: &[(&str, &str)] = &[
    ("ComponentStatus", "is made by the API server when it is read"),
    ("Binding", "is a request, not stored"),
    ("SelfSubjectReview", "is a request, not stored"),
    ("TokenReview", "is a request, not stored"),
    ("LocalSubjectAccessReview", "is a request, not stored"),
    ("SelfSubjectAccessReview", "is a request, not stored"),
    ("SelfSubjectRulesReview", "is a request, not stored"),
    ("SubjectAccessReview", "is a request, not stored"),
];

/// Changes that the API server accepts and ignores: they show until git is put right, and no apply changes that.
pub(crate) const KEPT: &[(&str, &str, &str)] = &[
    ("CertificateSigningRequest", "/spec/", "what is requested never changes; the API server keeps it without a word"),
    ("Namespace", "/spec/finalizers/", "changes by the `finalize` sub-resource only"),
    ("Node", "/spec/podCIDRs/", "cannot be changed once it is set, and the API server keeps it without a word"),
    ("PodTemplate", "/template/spec/volumes/32/name", "a volume whose only source is behind a feature gate that is off"),
    ("StatefulSet", "/spec/volumeClaimTemplates/1/apiVersion", "is always `v1`"),
    ("StatefulSet", "/spec/volumeClaimTemplates/1/kind", "is always `PersistentVolumeClaim`"),
];

/// What was seen of a kind.
#[derive(Debug, Default)]
pub(crate) struct Row {
    pub(crate) examples: usize,
    pub(crate) asked: usize,
    pub(crate) changed: usize,
    pub(crate) removed: usize,
    pub(crate) refused: usize,
    pub(crate) refilled: usize,
    pub(crate) kept: usize,
}

/// `apiVersion Kind`.
pub(crate) fn kind_of(object: &Value) -> String {
    format!("{} {}", object.str_at(&["apiVersion"]).unwrap(), object.str_at(&["kind"]).unwrap())
}

pub(crate) fn print(rows: &BTreeMap<String, Row>, left_out: &[String]) -> String {
    let mut out = HEAD.to_owned();
    let mut total = Row::default();
    for (kind, row) in rows {
        line(&mut out, kind, row);
        total.examples += row.examples;
        total.asked += row.asked;
        total.changed += row.changed;
        total.removed += row.removed;
        total.refused += row.refused;
        total.refilled += row.refilled;
        total.kept += row.kept;
    }
    line(&mut out, "**all**", &total);
    out.push_str("\nChanges that the API server keeps without a word:\n\n");
    for (kind, at, why) in KEPT {
        let _ = writeln!(out, "- {kind} `{at}`: {why}");
    }
    out.push_str("\nKinds of the API server without an example:\n\n");
    for kind in left_out {
        let reason = REASONS.iter().find(|(known, _)| kind.ends_with(&format!(" {known}"))).map_or("NO REASON", |(_, why)| why);
        let _ = writeln!(out, "- {kind}: {reason}");
    }
    out
}

fn line(out: &mut String, kind: &str, row: &Row) {
    let Row { examples, asked, changed, removed, refused, refilled, kept } = row;
    let _ = writeln!(out, "| {kind} | {examples} | {asked} | {changed} | {removed} | {refused} | {kept} | {refilled} |");
}

/// Compares the table with the page.
pub(crate) fn expect(rows: &BTreeMap<String, Row>, left_out: &[String]) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/no-false-drift.md");
    let text = print(rows, left_out);
    assert!(!text.contains("NO REASON"), "a kind has neither an example nor a reason");
    if std::env::var("UPDATE_EXPECT").is_ok() {
        std::fs::write(&file, text).unwrap();
        return;
    }
    let page = std::fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(page, text, "docs/no-false-drift.md is stale: run with UPDATE_EXPECT=1");
}
