//! Fields that other managers own and that become ours when an object is taken over.
//!
//! An object that `kubectl apply` or Argo CD made names those as owners of its fields. Without this, server-side apply would
//! leave a field in place that was dropped from git, because another manager still wants it. Their entries are joined into ours
//! before the first apply; the object's content does not change by that, so no pod restarts.
//!
//! Rules: the client-side apply migration of Kubernetes (`csaupgrade`) and of Argo CD.

use gitops_manifest::{Map, Value, json};

/// The JSON patch that makes `manager` the owner of what `taken_over` own; `None` when they own nothing.
pub(crate) fn migration(live: &Value, manager: &str, taken_over: &[String]) -> Option<String> {
    let entries = live.at(&["metadata", "managedFields"])?.as_list()?;
    let version = live.str_at(&["metadata", "resourceVersion"])?;
    let theirs = |entry: &Value| {
        let name = entry.str_at(&["manager"]).unwrap_or_default();
        let sub = entry.str_at(&["subresource"]).unwrap_or_default();
        sub.is_empty() && name != manager && taken_over.iter().any(|t| t == name)
    };
    if !entries.iter().any(theirs) {
        return None;
    }
    let ours = |entry: &&Value| entry.str_at(&["manager"]) == Some(manager) && entry.str_at(&["operation"]) == Some("Apply");
    let mut fields = Value::Map(Map::new());
    for entry in entries.iter().filter(|e| theirs(e)).chain(entries.iter().filter(ours)) {
        join(&mut fields, entry.get("fieldsV1").unwrap_or(&Value::Null));
    }
    let newest = entries.iter().find(ours).or_else(|| entries.iter().find(|e| theirs(e)))?;
    let mut joined = newest.as_map()?.clone();
    joined.insert("manager", manager);
    joined.insert("operation", "Apply");
    joined.insert("fieldsV1", fields);
    let mut all: Vec<Value> = entries.iter().filter(|e| !theirs(e) && !ours(e)).cloned().collect();
    all.push(Value::Map(joined));
    let operation = |op: &str, path: &str, value: Value| -> Value {
        Value::Map([("op", Value::from(op)), ("path", path.into()), ("value", value)].into_iter().collect())
    };
    // Somebody who writes in between makes the test fail: it is read and tried again.
    let patch = vec![
        operation("test", "/metadata/resourceVersion", version.into()),
        operation("replace", "/metadata/managedFields", Value::List(all)),
    ];
    Some(json::print(&Value::List(patch)))
}

/// Joins a set of fields into another.
fn join(into: &mut Value, more: &Value) {
    let (Some(into), Some(more)) = (into.as_map_mut(), more.as_map()) else { return };
    for (key, value) in more.iter() {
        let slot = into.entry_or_null(key);
        if slot.is_null() {
            *slot = value.clone();
        } else {
            join(slot, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn live(entries: &str) -> Value {
        let text = format!(r#"{{"metadata": {{"resourceVersion": "7", "managedFields": {entries}}}}}"#);
        json::parse(text.as_bytes(), "case").expect("a case is valid")
    }

    fn taken_over() -> Vec<String> {
        ["kubectl-client-side-apply", "argocd-controller"].map(str::to_owned).to_vec()
    }

    #[test]
    fn fields_of_kubectl_and_argo_become_ours() {
        let live = live(
            r#"[{"manager": "kubectl-client-side-apply", "operation": "Update", "apiVersion": "v1", "fieldsV1": {"f:data": {"f:a": {}}}},
                {"manager": "gitops-engine", "operation": "Apply", "apiVersion": "v1", "fieldsV1": {"f:data": {"f:b": {}}}},
                {"manager": "kube-controller-manager", "operation": "Update", "subresource": "status", "fieldsV1": {"f:status": {}}}]"#,
        );
        let patch = migration(&live, "gitops-engine", &taken_over()).expect("there is something to take over");
        let patch = json::parse(patch.as_bytes(), "patch").expect("JSON");
        let operations = patch.as_list().expect("a list");
        assert_eq!(operations[0].str_at(&["value"]), Some("7"));
        let managed = operations[1].get("value").and_then(Value::as_list).expect("a list");
        assert_eq!(managed.len(), 2);
        assert_eq!(managed[1].str_at(&["manager"]), Some("gitops-engine"));
        let owned = managed[1].at(&["fieldsV1", "f:data"]).and_then(Value::as_map).expect("a map");
        assert!(owned.contains_key("f:a") && owned.contains_key("f:b"));
    }

    #[test]
    fn what_is_ours_or_of_others_stays() {
        let ours = live(
            r#"[{"manager": "gitops-engine", "operation": "Apply", "fieldsV1": {}},
            {"manager": "hpa", "operation": "Update", "time": "2026-01-02T00:00:00Z", "fieldsV1": {}},
            {"manager": "argocd-controller", "operation": "Update", "subresource": "status", "fieldsV1": {}}]"#,
        );
        assert_eq!(migration(&ours, "gitops-engine", &taken_over()), None);
    }
}
