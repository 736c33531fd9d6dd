//! Where the programs of the control plane are.

use std::env::var_os;
use std::path::{Path, PathBuf};

/// The module that the API server is built from says which version it is.
const MODULE: &str = include_str!("../../../tests/control-plane/kubernetes/go.mod");

/// The programs that a plane is made of.
pub const PROGRAMS: &[&str] = &["etcd", "kube-apiserver", "kube-controller-manager"];

/// The folder that holds the programs: `KUBEBUILDER_ASSETS`, else the cache. `None` when one is missing.
pub fn assets() -> Option<PathBuf> {
    let complete = |dir: &Path| PROGRAMS.iter().all(|name| dir.join(name).is_file());
    let cache = || {
        let base = var_os("XDG_CACHE_HOME").map(PathBuf::from).or_else(|| var_os("HOME").map(|home| PathBuf::from(home).join(".cache")))?;
        Some(base.join("gitops-control-plane").join(version()?))
    };
    var_os("KUBEBUILDER_ASSETS").map(PathBuf::from).filter(|dir| complete(dir)).or_else(|| cache().filter(|dir| complete(dir)))
}

fn version() -> Option<&'static str> {
    MODULE.lines().find_map(|line| line.trim().strip_prefix("k8s.io/kubernetes "))?.split_whitespace().next()
}
