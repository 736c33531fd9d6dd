//! Sync options, of an application and of one object: one list of what there is, and the values in force.
//!
//! Shapes: `Name=value` strings in `spec.syncPolicy.syncOptions`, and comma separated in the annotation
//! `argocd.argoproj.io/sync-options`. Unknown ones change nothing; [`unknown_sync_options`] finds them. `application.md` §2.

/// The annotation by which one object sets options.
pub const SYNC_OPTIONS_ANNOTATION: &str = "argocd.argoproj.io/sync-options";

/// One option: everything there is to say about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SyncOption {
    /// Name, left of `=`.
    pub key: &'static str,
    /// Values it takes.
    pub values: &'static [&'static str],
    /// Value when it is not set.
    pub default: &'static str,
    /// Whether an application may set it.
    pub on_application: bool,
    /// Whether one object may set it.
    pub on_resource: bool,
    /// What it does.
    pub doc: &'static str,
}

const BOOL: &[&str] = &["false", "true"];
const CONFIRM: &[&str] = &["false", "confirm", "true"];

const fn option(
    key: &'static str,
    values: &'static [&'static str],
    default: &'static str,
    on: (bool, bool),
    doc: &'static str,
) -> SyncOption {
    SyncOption { key, values, default, on_application: on.0, on_resource: on.1, doc }
}

const BOTH: (bool, bool) = (true, true);
const APP: (bool, bool) = (true, false);
const RESOURCE: (bool, bool) = (false, true);

/// Every option.
pub const SYNC_OPTIONS: &[SyncOption] = &[
    option("Prune", CONFIRM, "true", BOTH, "Whether an object that left the source is deleted; `confirm` waits for a person."),
    option("Delete", CONFIRM, "true", BOTH, "Whether an object is deleted with its Application; `confirm` waits for a person."),
    option("PruneLast", BOOL, "false", BOTH, "Delete after everything else, in an extra last wave."),
    option(
        "PrunePropagationPolicy",
        &["foreground", "background", "orphan"],
        "foreground",
        APP,
        "How deletion goes on to what an object owns.",
    ),
    option("Replace", BOOL, "false", BOTH, "Replace or create instead of apply. An object cannot switch the application's off."),
    option("Force", BOOL, "false", RESOURCE, "Delete and make again on a conflict or an immutable field."),
    option("ServerSideApply", BOOL, "false", BOTH, "Apply on the server; the comparison goes by field owners too."),
    option("ClientSideApplyMigration", BOOL, "true", BOTH, "Take over fields of client-side apply before the first server-side one."),
    option("Validate", BOOL, "true", BOTH, "Check against the target's schema before applying."),
    option("SkipDryRunOnMissingResource", BOOL, "false", BOTH, "No dry run for a kind that the target does not know yet."),
    option("CreateNamespace", BOOL, "false", APP, "Make the destination's namespace."),
    option("ApplyOutOfSyncOnly", BOOL, "false", APP, "Apply only what differs; hooks still run."),
    option("RespectIgnoreDifferences", BOOL, "false", APP, "Leave ignored fields alone when applying."),
    option("FailOnSharedResource", BOOL, "false", APP, "Fail when an object belongs to another application."),
];

/// Whether something may be deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Deletion {
    /// Yes.
    #[default]
    Allowed,
    /// After a person agreed.
    Confirm,
    /// Never.
    Never,
}

/// How deletion goes on to what an object owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Propagation {
    /// Owned objects first.
    #[default]
    Foreground,
    /// Owned objects afterwards.
    Background,
    /// Owned objects stay.
    Orphan,
}

impl Propagation {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Propagation::Foreground => "foreground",
            Propagation::Background => "background",
            Propagation::Orphan => "orphan",
        }
    }
}

/// The options in force for an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncOptions {
    /// `Prune`.
    pub prune: Deletion,
    /// `Delete`.
    pub delete: Deletion,
    /// `PruneLast`.
    pub prune_last: bool,
    /// `PrunePropagationPolicy`.
    pub prune_propagation: Propagation,
    /// `Replace`.
    pub replace: bool,
    /// `Force`.
    pub force: bool,
    /// `ServerSideApply`.
    pub server_side_apply: bool,
    /// `ClientSideApplyMigration`.
    pub client_side_apply_migration: bool,
    /// `Validate`.
    pub validate: bool,
    /// `SkipDryRunOnMissingResource`.
    pub skip_dry_run_on_missing_resource: bool,
    /// `CreateNamespace`.
    pub create_namespace: bool,
    /// `ApplyOutOfSyncOnly`.
    pub apply_out_of_sync_only: bool,
    /// `RespectIgnoreDifferences`.
    pub respect_ignore_differences: bool,
    /// `FailOnSharedResource`.
    pub fail_on_shared_resource: bool,
}

impl Default for SyncOptions {
    fn default() -> SyncOptions {
        SyncOptions::parse(&[], None)
    }
}

/// One side: what an application or an object has set.
struct Set<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Set<'a> {
    fn new(items: impl Iterator<Item = &'a str>, allowed: fn(&SyncOption) -> bool) -> Set<'a> {
        let pairs = items.filter_map(|item| item.trim().split_once('=')).map(|(k, v)| (k.trim(), v.trim()));
        Set(pairs.filter(|(k, _)| SYNC_OPTIONS.iter().any(|o| o.key == *k && allowed(o))).collect())
    }

    /// The last value that the option takes; others are passed over.
    fn value(&self, key: &str) -> Option<&'a str> {
        let values = SYNC_OPTIONS.iter().find(|o| o.key == key)?.values;
        self.0.iter().rev().find(|(k, v)| *k == key && values.contains(v)).map(|(_, v)| *v)
    }
}

impl SyncOptions {
    /// The options in force: the application's `options`, and the object's `annotation` where it may say something.
    pub fn parse(options: &[String], annotation: Option<&str>) -> SyncOptions {
        let app = Set::new(options.iter().map(String::as_str), |o| o.on_application);
        let own = Set::new(annotation.unwrap_or("").split(','), |o| o.on_resource);
        let either = |key: &str, value: &str| app.value(key) == Some(value) || own.value(key) == Some(value);
        let nearest = |key: &str| own.value(key).or(app.value(key));
        SyncOptions {
            prune: deletion(nearest("Prune")),
            delete: deletion(nearest("Delete")),
            prune_last: either("PruneLast", "true"),
            prune_propagation: match app.value("PrunePropagationPolicy") {
                Some("background") => Propagation::Background,
                Some("orphan") => Propagation::Orphan,
                _ => Propagation::Foreground,
            },
            replace: either("Replace", "true"),
            force: either("Force", "true"),
            server_side_apply: nearest("ServerSideApply") == Some("true"),
            client_side_apply_migration: !either("ClientSideApplyMigration", "false"),
            validate: !either("Validate", "false"),
            skip_dry_run_on_missing_resource: either("SkipDryRunOnMissingResource", "true"),
            create_namespace: either("CreateNamespace", "true"),
            apply_out_of_sync_only: either("ApplyOutOfSyncOnly", "true"),
            respect_ignore_differences: either("RespectIgnoreDifferences", "true"),
            fail_on_shared_resource: either("FailOnSharedResource", "true"),
        }
    }
}

fn deletion(value: Option<&str>) -> Deletion {
    match value {
        Some("false") => Deletion::Never,
        Some("confirm") => Deletion::Confirm,
        _ => Deletion::Allowed,
    }
}

/// An option that has no effect, and the one that was probably meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownSyncOption {
    /// As written.
    pub written: String,
    /// What was probably meant.
    pub similar: Option<String>,
}

/// Which of `options` have no effect because no option has that name, or it does not take that value.
pub fn unknown_sync_options(options: &[String]) -> Vec<UnknownSyncOption> {
    let known = || SYNC_OPTIONS.iter().flat_map(|o| o.values.iter().map(|v| format!("{}={v}", o.key)));
    let wrong = options.iter().map(|o| o.trim()).filter(|o| known().all(|k| k != *o));
    wrong
        .map(|written| {
            let near = known().map(|k| (strsim::damerau_levenshtein(&k.to_lowercase(), &written.to_lowercase()), k)).min();
            UnknownSyncOption { written: written.to_owned(), similar: near.filter(|(d, _)| *d <= written.len().max(3) / 3).map(|(_, k)| k) }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(app: &[&str], own: &str) -> SyncOptions {
        let app: Vec<String> = app.iter().map(|s| (*s).to_owned()).collect();
        SyncOptions::parse(&app, Some(own))
    }

    #[test]
    fn defaults_are_those_of_the_list() {
        let d = SyncOptions::default();
        for option in SYNC_OPTIONS {
            assert!(option.values.contains(&option.default), "{}", option.key);
            assert_eq!(parse(&[&format!("{}={}", option.key, option.default)], ""), d, "{}", option.key);
            assert_eq!(parse(&[], &format!("{}={}", option.key, option.default)), d, "{}", option.key);
            for value in option.values.iter().filter(|v| **v != option.default) {
                let written = format!("{}={value}", option.key);
                assert_eq!(parse(&[&written], "") != d, option.on_application, "{written} on an application");
                assert_eq!(parse(&[], &written) != d, option.on_resource, "{written} on an object");
            }
        }
    }

    #[test]
    fn an_object_overrides_where_it_may() {
        assert_eq!(parse(&["Prune=false"], "Prune=true").prune, Deletion::Allowed);
        assert_eq!(parse(&["Prune=true"], " Prune=confirm , Validate=false ").prune, Deletion::Confirm);
        assert!(!parse(&[], " Prune=confirm , Validate=false ").validate);
        assert!(parse(&["Replace=true"], "Replace=false").replace);
        assert!(!parse(&["ServerSideApply=true"], "ServerSideApply=false").server_side_apply);
        assert!(parse(&[], "ServerSideApply=true").server_side_apply);
        assert!(!parse(&["Validate=false"], "Validate=true").validate);
    }

    #[test]
    fn a_slip_of_the_pen_is_found() {
        let found = unknown_sync_options(&["CreateNamespace=true".into(), "CreateNamspace=true".into(), "Zzz".into()]);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].similar.as_deref(), Some("CreateNamespace=true"));
        assert_eq!(found[1].similar, None);
    }
}
