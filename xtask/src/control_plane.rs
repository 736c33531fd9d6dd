//! `cargo xtask control-plane`: builds the programs of a Kubernetes control plane that tests run against, once.
//!
//! From the modules in `tests/control-plane/` into `${XDG_CACHE_HOME:-~/.cache}/gitops-control-plane/VERSION`, where
//! VERSION is that of `k8s.io/kubernetes` in `tests/control-plane/kubernetes/go.mod`. What is there already stays. Where
//! `KUBEBUILDER_ASSETS` names a folder that holds the programs, nothing is built.

use std::env::var_os;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The modules, and the programs that each makes: what is built, and what it is called.
const MODULES: &[(&str, &[(&str, &str)])] = &[
    ("etcd", &[("go.etcd.io/etcd/server/v3", "etcd")]),
    (
        "kubernetes",
        &[
            ("k8s.io/kubernetes/cmd/kube-apiserver", "kube-apiserver"),
            ("k8s.io/kubernetes/cmd/kube-controller-manager", "kube-controller-manager"),
        ],
    ),
];

/// Builds what is missing; the answer is what went wrong.
pub(crate) fn build() -> Vec<String> {
    let modules = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/control-plane");
    if let Some(assets) = var_os("KUBEBUILDER_ASSETS").map(PathBuf::from).filter(|dir| complete(dir)) {
        println!("control-plane: {} (KUBEBUILDER_ASSETS)", assets.display());
        return Vec::new();
    }
    let cache = match cache(&modules) {
        Ok(cache) => cache,
        Err(wrong) => return vec![wrong],
    };
    let mut wrong = Vec::new();
    for (module, programs) in MODULES {
        for (package, name) in *programs {
            if !cache.join(name).is_file() {
                println!("control-plane: building {name}: minutes, once");
                wrong.extend(program(&modules.join(module), package, &cache, name).err());
            }
        }
    }
    if wrong.is_empty() {
        println!("control-plane: {}", cache.display());
    }
    wrong
}

fn complete(dir: &Path) -> bool {
    MODULES.iter().flat_map(|(_, programs)| *programs).all(|(_, name)| dir.join(name).is_file())
}

fn cache(modules: &Path) -> Result<PathBuf, String> {
    let file = modules.join("kubernetes/go.mod");
    let text = fs::read_to_string(&file).map_err(|e| format!("{}: {e}", file.display()))?;
    let version = text.lines().find_map(|line| line.trim().strip_prefix("k8s.io/kubernetes v"));
    let version = version.and_then(|rest| rest.split_whitespace().next());
    let version = version.ok_or_else(|| format!("{}: requires no k8s.io/kubernetes", file.display()))?;
    let base = var_os("XDG_CACHE_HOME").map(PathBuf::from).or_else(|| var_os("HOME").map(|home| PathBuf::from(home).join(".cache")));
    let base = base.ok_or("neither XDG_CACHE_HOME nor HOME is set: nowhere to keep the control plane")?;
    let cache = base.join("gitops-control-plane").join(format!("v{version}"));
    fs::create_dir_all(&cache).map_err(|e| format!("{}: {e}", cache.display()))?;
    Ok(cache)
}

/// Builds one program under another name first, so that a build that was cut off leaves nothing that looks whole.
fn program(module: &Path, package: &str, cache: &Path, name: &str) -> Result<(), String> {
    let partial = cache.join(format!(".{name}.{}", std::process::id()));
    let mut command = Command::new("nice");
    command.args(["-n", "10", &go(), "build", "-mod=readonly", "-trimpath", "-ldflags", "-s -w", "-o"]).arg(&partial).arg(package);
    let status = command.current_dir(module).env("CGO_ENABLED", "0").status();
    match status {
        Ok(status) if status.success() => {}
        Ok(status) => return Err(format!("{name}: go build: {status}")),
        Err(e) => return Err(format!("{name}: {e}: the control plane is built with Go (https://go.dev/dl)")),
    }
    fs::rename(&partial, cache.join(name)).map_err(|e| format!("{name}: {e}"))
}

/// Go on the path, or where its installer puts it.
fn go() -> String {
    let installed = "/usr/local/go/bin/go";
    let on_path = var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join("go").is_file()));
    if on_path || !Path::new(installed).is_file() { "go".to_owned() } else { installed.to_owned() }
}
