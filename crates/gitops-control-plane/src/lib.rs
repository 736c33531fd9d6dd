//! A real Kubernetes control plane for tests: etcd, kube-apiserver and kube-controller-manager on loopback, with a kubelet that
//! is none. Tests only: no program may depend on it (`cargo xtask layers`).
//!
//! ```no_run
//! let Some(plane) = gitops_control_plane::shared() else { return };
//! let namespace = plane.namespace("shop");
//! let (status, body) = plane.request("GET", &format!("/api/v1/namespaces/{namespace}/pods"), None);
//! assert_eq!((status, body["kind"].as_str()), (200, Some("PodList")));
//! ```
//!
//! The programs are looked for in `KUBEBUILDER_ASSETS`, then in the cache that `cargo xtask control-plane` fills; nothing is
//! built or fetched here. Where they are missing, [`shared`] says so loudly and answers `None`; under `GITOPS_REQUIRE=all`
//! that is a failure. One plane serves all tests of a binary, each in a namespace of its own; it ends with the process,
//! however that ends.

mod assets;
mod kubelet;
mod plane;
mod program;
mod proxy;

use std::sync::OnceLock;

pub use assets::{PROGRAMS, assets};
pub use plane::{ADMIN, ControlPlane, VIEWER};
pub use proxy::{Fault, FaultyProxy, Seen};

/// The plane of this test binary: started by whoever asks first. `None` where its programs are missing.
///
/// # Panics
/// When the programs are there and do not start; when they are missing and `GITOPS_REQUIRE=all`.
pub fn shared() -> Option<&'static ControlPlane> {
    static PLANE: OnceLock<Option<ControlPlane>> = OnceLock::new();
    PLANE.get_or_init(start).as_ref()
}

/// A plane of the caller's own, for tests that restart or break it. It ends when it is dropped.
///
/// # Panics
/// As [`shared`].
pub fn start() -> Option<ControlPlane> {
    let Some(assets) = assets() else {
        let message = "no Kubernetes control plane: set KUBEBUILDER_ASSETS, or run `cargo xtask control-plane` once";
        assert_ne!(std::env::var("GITOPS_REQUIRE").as_deref(), Ok("all"), "{message}");
        eprintln!("SKIPPED: {message}");
        return None;
    };
    Some(ControlPlane::start(&assets).unwrap_or_else(|e| panic!("the control plane does not start: {e}")))
}
