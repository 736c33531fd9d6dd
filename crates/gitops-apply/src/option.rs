//! Sync options: `Name=value`, of the application and, in the annotation `argocd.argoproj.io/sync-options`, of an object.
//!
//! Rules: Argo CD `docs/user-guide/sync-options.md`. `ServerSideApply` is accepted and has no effect: a cluster is always
//! written by server-side apply.

use gitops_manifest::Manifest;

use crate::target::WriteOptions;

const ANNOTATION: &str = "argocd.argoproj.io/sync-options";

/// Whether the application's options hold `option`, for example `PruneLast=true`.
pub(crate) fn app_has(options: &[String], option: &str) -> bool {
    options.iter().any(|o| o.trim() == option)
}

/// Whether the object's annotation holds `option`.
pub(crate) fn object_has(manifest: &Manifest, option: &str) -> bool {
    manifest.annotation(ANNOTATION).is_some_and(|text| text.split(',').any(|o| o.trim() == option))
}

/// The value that counts for a live object: its own, else the application's.
pub(crate) fn value_of<'a>(options: &'a [String], live: &'a Manifest, name: &str) -> Option<&'a str> {
    let named = |o: &'a str| o.trim().strip_prefix(name)?.strip_prefix('=');
    let own = live.annotation(ANNOTATION).and_then(|text| text.split(',').find_map(named));
    own.or_else(|| options.iter().find_map(|o| named(o)))
}

impl WriteOptions {
    /// What counts for one object: its own options, else the application's. `force`: the strategy's.
    pub fn of(options: &[String], manifest: &Manifest, namespace: &str, force: bool) -> WriteOptions {
        let value = |name| value_of(options, manifest, name);
        WriteOptions {
            namespace: namespace.to_owned(),
            replace: value("Replace") == Some("true"),
            force: force || value("Force") == Some("true"),
            lenient: value("Validate") == Some("false"),
            kind_may_be_missing: value("SkipDryRunOnMissingResource") == Some("true"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cases::object;

    #[test]
    fn an_object_overrides_its_application() {
        let app = ["Prune=false".to_owned(), "PruneLast=true".to_owned()];
        let plain = object("v1", "ConfigMap", "", "a", &[]);
        let own = object("v1", "ConfigMap", "", "a", &[(ANNOTATION, "Validate=false, Prune=true")]);
        assert_eq!(value_of(&app, &plain, "Prune"), Some("false"));
        assert_eq!(value_of(&app, &own, "Prune"), Some("true"));
        assert_eq!(value_of(&[], &plain, "Prune"), None);
        assert!(app_has(&app, "PruneLast=true") && !app_has(&app, "Prune=true"));
        let options = WriteOptions::of(&["Replace=true".to_owned()], &own, "shop", false);
        assert_eq!(options, WriteOptions { namespace: "shop".into(), replace: true, lenient: true, ..WriteOptions::default() });
        assert!(object_has(&own, "Validate=false") && !object_has(&plain, "Validate=false"));
    }
}
