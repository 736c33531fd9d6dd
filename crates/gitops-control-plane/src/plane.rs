//! The plane: its programs, who may do what, and requests to it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use ureq::Agent;
use ureq::tls::TlsConfig;

use crate::kubelet::Kubelet;
use crate::program::{Program, free_port};

/// The token of a user who may do everything.
pub const ADMIN: &str = "admin-token";
/// The token of a user who may do nothing until a test grants it something (user `viewer`).
pub const VIEWER: &str = "viewer-token";
/// Its user is the controllers'.
const CONTROLLERS: &str = "controllers-token";

/// How long the API server may take to be ready. A machine that builds at the same time takes longer than a second or two.
const PATIENCE: Duration = Duration::from_secs(90);

/// A running control plane.
pub struct ControlPlane {
    // Ended in this order.
    _kubelet: Kubelet,
    controllers: Option<Program>,
    apiserver: Mutex<Option<Program>>,
    _etcd: Program,
    assets: PathBuf,
    dir: TempDir,
    port: u16,
    etcd: u16,
    agent: Agent,
    namespaces: AtomicU32,
}

impl ControlPlane {
    /// Starts etcd, the API server, the controllers and the kubelet, and waits until they are ready.
    ///
    /// # Errors
    /// What did not start, with the end of its log.
    pub fn start(assets: &Path) -> Result<ControlPlane, String> {
        let dir = tempfile::Builder::new().prefix("control-plane-").tempdir().map_err(|e| e.to_string())?;
        let mut last = String::new();
        // A port that was free may be taken by another process before the program binds it.
        for attempt in 0..3 {
            match ControlPlane::attempt(assets, &dir.path().join(attempt.to_string())) {
                Ok(parts) => return parts.finish(assets, dir),
                Err(e) => last = e,
            }
        }
        Err(last)
    }

    fn attempt(assets: &Path, dir: &Path) -> Result<Started, String> {
        let text = |e: std::io::Error| e.to_string();
        fs::create_dir_all(dir).map_err(text)?;
        let (etcd, peer, port) = (free_port().map_err(text)?, free_port().map_err(text)?, free_port().map_err(text)?);
        let etcd_arguments = [
            format!("--data-dir={}", dir.join("etcd").display()),
            format!("--listen-client-urls=http://127.0.0.1:{etcd}"),
            format!("--advertise-client-urls=http://127.0.0.1:{etcd}"),
            format!("--listen-peer-urls=http://127.0.0.1:{peer}"),
            "--unsafe-no-fsync".to_owned(),
            "--log-level=warn".to_owned(),
        ];
        let etcd_program = Program::start(&assets.join("etcd"), &etcd_arguments, dir.join("etcd.log")).map_err(text)?;
        let tokens = format!(
            "{ADMIN},admin,1,system:masters\n{CONTROLLERS},system:kube-controller-manager,2,system:masters\n{VIEWER},viewer,3,viewers\n"
        );
        fs::write(dir.join("tokens.csv"), tokens).map_err(text)?;
        let apiserver = start_apiserver(assets, dir, etcd, port)?;
        let agent = agent();
        if let Err(e) = ready(&agent, port) {
            return Err(format!("{e}\netcd: {}\nkube-apiserver: {}", etcd_program.last_words(), apiserver.last_words()));
        }
        Ok(Started { etcd_program, apiserver, etcd, port, agent, dir: dir.to_owned() })
    }

    /// `https://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    /// The certificates that the API server's own is checked against, in PEM.
    pub fn certificates(&self) -> String {
        fs::read_to_string(self.home().join("certs/apiserver.crt")).unwrap_or_default()
    }

    fn home(&self) -> PathBuf {
        // The attempt that came up is the newest folder.
        let mut attempts: Vec<PathBuf> = fs::read_dir(self.dir.path()).into_iter().flatten().flatten().map(|e| e.path()).collect();
        attempts.retain(|path| path.is_dir());
        attempts.sort();
        attempts.pop().unwrap_or_default()
    }

    /// A kubeconfig for a token, as text.
    pub fn kubeconfig(&self, token: &str) -> String {
        let file = self.home().join("certs/apiserver.crt");
        kubeconfig(&self.url(), token, Some(&file))
    }

    /// Sends one request as the administrator. Patches are merge patches; a JSON list is a JSON patch.
    ///
    /// # Panics
    /// When the API server does not answer.
    pub fn request(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        let kind = match (method, body) {
            ("PATCH", Some(Value::Array(_))) => "application/json-patch+json",
            ("PATCH", _) => "application/merge-patch+json",
            _ => "application/json",
        };
        self.send(method, path, kind, body).unwrap_or_else(|e| panic!("{method} {path}: {e}"))
    }

    /// Sends one request as the administrator, with a body of this type.
    ///
    /// # Errors
    /// When the API server does not answer.
    pub fn send(&self, method: &str, path: &str, kind: &str, body: Option<&Value>) -> Result<(u16, Value), String> {
        send(&self.agent, &format!("{}{path}", self.url()), method, kind, body)
    }

    pub(crate) fn agent(&self) -> Agent {
        self.agent.clone()
    }

    /// Makes a namespace of this name and a number.
    ///
    /// # Panics
    /// When the API server refuses it.
    pub fn namespace(&self, name: &str) -> String {
        let name = format!("{name}-{}", self.namespaces.fetch_add(1, Ordering::Relaxed));
        let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        let (status, answer) = self.request("POST", "/api/v1/namespaces", Some(&body));
        assert_eq!(status, 201, "{answer}");
        name
    }

    /// Kills the API server.
    pub fn stop_apiserver(&self) {
        self.apiserver.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Starts it again where it was, and waits until it is ready.
    ///
    /// # Panics
    /// When it does not come up.
    pub fn start_apiserver(&self) {
        let mut held = self.apiserver.lock().unwrap_or_else(PoisonError::into_inner);
        let program = start_apiserver(&self.assets, &self.home(), self.etcd, self.port).unwrap_or_else(|e| panic!("{e}"));
        if let Err(e) = ready(&self.agent, self.port) {
            panic!("{e}\n{}", program.last_words());
        }
        *held = Some(program);
    }

    /// Stops the controllers: what is created stays as it is.
    pub fn stop_controllers(&mut self) {
        self.controllers.take();
    }
}

/// What an attempt made.
struct Started {
    etcd_program: Program,
    apiserver: Program,
    etcd: u16,
    port: u16,
    agent: Agent,
    dir: PathBuf,
}

impl Started {
    fn finish(self, assets: &Path, dir: TempDir) -> Result<ControlPlane, String> {
        let Started { etcd_program, apiserver, etcd, port, agent, dir: home } = self;
        let url = format!("https://127.0.0.1:{port}");
        let config = home.join("controllers.kubeconfig");
        fs::write(&config, kubeconfig(&url, CONTROLLERS, Some(&home.join("certs/apiserver.crt")))).map_err(|e| e.to_string())?;
        let arguments = [
            format!("--kubeconfig={}", config.display()),
            "--leader-elect=false".to_owned(),
            "--secure-port=0".to_owned(),
            "--controllers=*,-node-lifecycle-controller,-node-ipam-controller,-node-route-controller".to_owned(),
            "--kube-api-qps=500".to_owned(),
            "--kube-api-burst=1000".to_owned(),
        ];
        let program = assets.join("kube-controller-manager");
        let controllers = Program::start(&program, &arguments, home.join("controllers.log")).map_err(|e| e.to_string())?;
        let kubelet = Kubelet::start(agent.clone(), url);
        Ok(ControlPlane {
            _kubelet: kubelet,
            controllers: Some(controllers),
            apiserver: Mutex::new(Some(apiserver)),
            _etcd: etcd_program,
            assets: assets.to_owned(),
            dir,
            port,
            etcd,
            agent,
            namespaces: AtomicU32::new(0),
        })
    }
}

fn start_apiserver(assets: &Path, dir: &Path, etcd: u16, port: u16) -> Result<Program, String> {
    let certificates = dir.join("certs");
    let arguments = [
        format!("--etcd-servers=http://127.0.0.1:{etcd}"),
        format!("--secure-port={port}"),
        "--bind-address=127.0.0.1".to_owned(),
        "--advertise-address=127.0.0.1".to_owned(),
        format!("--cert-dir={}", certificates.display()),
        format!("--token-auth-file={}", dir.join("tokens.csv").display()),
        "--authorization-mode=RBAC".to_owned(),
        "--service-cluster-ip-range=10.0.0.0/16".to_owned(),
        "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
        // The server makes its own key pair before it reads these.
        format!("--service-account-key-file={}", certificates.join("apiserver.crt").display()),
        format!("--service-account-signing-key-file={}", certificates.join("apiserver.key").display()),
        "--disable-admission-plugins=ServiceAccount".to_owned(),
        "--endpoint-reconciler-type=none".to_owned(),
        "--allow-privileged=true".to_owned(),
    ];
    Program::start(&assets.join("kube-apiserver"), &arguments, dir.join("apiserver.log")).map_err(|e| e.to_string())
}

/// A kubeconfig with one context.
pub(crate) fn kubeconfig(url: &str, token: &str, certificates: Option<&Path>) -> String {
    let mut cluster = json!({"server": url});
    if let Some(file) = certificates {
        cluster["certificate-authority"] = json!(file);
    }
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "clusters": [{"name": "test", "cluster": cluster}],
        "users": [{"name": "test", "user": {"token": token}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
    })
    .to_string()
}

/// An HTTP client for one plane. It believes any certificate: the plane's is on loopback and made a moment ago.
fn agent() -> Agent {
    let tls = TlsConfig::builder().disable_verification(true).build();
    Agent::config_builder().tls_config(tls).http_status_as_error(false).proxy(None).build().into()
}

/// Waits for `/readyz`.
fn ready(agent: &Agent, port: u16) -> Result<(), String> {
    let url = format!("https://127.0.0.1:{port}/readyz");
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = agent.get(&url).header("Authorization", format!("Bearer {ADMIN}")).call();
        match answer {
            Ok(answer) if answer.status() == 200 => return Ok(()),
            _ if Instant::now() > deadline => return Err(format!("kube-apiserver is not ready after {} s", PATIENCE.as_secs())),
            _ => std::thread::sleep(Duration::from_millis(50)),
        }
    }
}

pub(crate) fn send(agent: &Agent, url: &str, method: &str, kind: &str, body: Option<&Value>) -> Result<(u16, Value), String> {
    let builder = ureq::http::Request::builder().method(method).uri(url);
    let builder = builder.header("Authorization", format!("Bearer {ADMIN}")).header("Content-Type", kind);
    let body = body.map(Value::to_string).unwrap_or_default();
    let request = builder.body(body).map_err(|e| e.to_string())?;
    let mut answer = agent.run(request).map_err(|e| e.to_string())?;
    let status = answer.status().as_u16();
    let text = answer.body_mut().read_to_string().map_err(|e| e.to_string())?;
    Ok((status, serde_json::from_str(&text).unwrap_or(Value::String(text))))
}
