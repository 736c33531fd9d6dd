//! The build environment: what `$NAME` may stand for in an Application's source, and what plug-ins find in theirs.
//! `application.md` §1.5 and §1.6.

use gitops_app::{ApplicationSource, Plugin};

/// Names and values for the sources of one application at one revision. A chart's revision is its version.
pub(crate) fn of(source: &ApplicationSource, app: &str, namespace: &str, project: &str, revision: &str) -> Vec<(String, String)> {
    let first = |digits| revision.get(..digits).unwrap_or(revision);
    let capabilities = gitops_helm::Capabilities::default();
    let api_versions = capabilities.api_versions.join(",");
    let all = [
        ("ARGOCD_APP_NAME", app),
        ("ARGOCD_APP_NAMESPACE", namespace),
        ("ARGOCD_APP_PROJECT_NAME", if project.is_empty() { "default" } else { project }),
        ("ARGOCD_APP_REVISION", revision),
        ("ARGOCD_APP_REVISION_SHORT", first(7)),
        ("ARGOCD_APP_REVISION_SHORT_8", first(8)),
        ("ARGOCD_APP_SOURCE_PATH", &source.path),
        ("ARGOCD_APP_SOURCE_REPO_URL", &source.repo_url),
        ("ARGOCD_APP_SOURCE_TARGET_REVISION", &source.target_revision),
        ("KUBE_VERSION", capabilities.kube_version.version.trim_start_matches('v')),
        ("KUBE_API_VERSIONS", &api_versions),
    ];
    all.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// The build environment with what a plug-in gets besides: `ARGOCD_ENV_…` for `env`, `ARGOCD_APP_PARAMETERS` and `PARAM_…` for
/// `parameters`.
pub(crate) fn of_plugin(mut environment: Vec<(String, String)>, plugin: &Plugin) -> Vec<(String, String)> {
    let env: Vec<(String, String)> =
        plugin.env.iter().map(|e| (format!("ARGOCD_ENV_{}", e.name), gitops_kustomize::expand(&e.value, &environment))).collect();
    environment.extend(env);
    let json = serde_json::to_string(&plugin.parameters).unwrap_or_default();
    environment.push(("ARGOCD_APP_PARAMETERS".to_owned(), json));
    for parameter in &plugin.parameters {
        let base = format!("PARAM_{}", variable(&parameter.name));
        if let Some(text) = &parameter.string {
            environment.push((base.clone(), text.clone()));
        }
        for (key, value) in parameter.map.iter().flatten() {
            environment.push((format!("{base}_{}", variable(key)), value.clone()));
        }
        for (i, value) in parameter.array.iter().flatten().enumerate() {
            environment.push((format!("{base}_{i}"), value.clone()));
        }
    }
    environment
}

/// A name as the environment has it: upper case, and `_` for all but letters and digits.
fn variable(name: &str) -> String {
    name.to_uppercase().chars().map(|c| if c.is_ascii_uppercase() || c.is_ascii_digit() { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plugin_finds_its_parameters() {
        let text = r#"{"name": "p", "env": [{"name": "FOO", "value": "for $ARGOCD_APP_NAME"}], "parameters": [
            {"name": "image-tag", "string": "1"}, {"name": "list", "array": ["a", "b"]}, {"name": "m", "map": {"some.key": "v"}}]}"#;
        let plugin: Plugin = serde_json::from_str(text).expect("a plugin");
        let source = ApplicationSource { repo_url: "https://git.example/a".into(), path: "web".into(), ..ApplicationSource::default() };
        let environment = of_plugin(of(&source, "web", "ns", "", "0123456789"), &plugin);
        let get = |name: &str| environment.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str());
        assert_eq!(get("ARGOCD_ENV_FOO"), Some("for web"));
        assert_eq!((get("PARAM_IMAGE_TAG"), get("PARAM_LIST_1"), get("PARAM_M_SOME_KEY")), (Some("1"), Some("b"), Some("v")));
        assert_eq!((get("ARGOCD_APP_REVISION_SHORT"), get("ARGOCD_APP_PROJECT_NAME")), (Some("0123456"), Some("default")));
        let parameters: serde_json::Value = serde_json::from_str(get("ARGOCD_APP_PARAMETERS").expect("JSON")).expect("JSON");
        assert_eq!(parameters[1]["array"][0], "a");
    }
}
