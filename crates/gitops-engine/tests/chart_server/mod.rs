//! A chart repository and a registry on this machine, with charts that tests publish while it runs.
//!
//! As a repository it is `/charts`, as a registry `team/<name>`: both have the same charts.
#![allow(dead_code, unreachable_pub, reason = "each test takes what it needs")]

#[path = "../../../gitops-source/tests/support/web.rs"]
mod web;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use gitops_tree::Revision;
pub use web::WebServer;
use web::{Answer, Asked};

#[derive(Default)]
struct State {
    /// Name and version to archive, and the digest that the index promises.
    charts: BTreeMap<(String, String), (Vec<u8>, String)>,
    down: bool,
    /// Where the index says that archives lie: beside it, when empty.
    archives_at: String,
}

pub struct ChartServer {
    pub web: WebServer,
    state: Arc<Mutex<State>>,
}

impl ChartServer {
    pub fn start() -> ChartServer {
        let state = Arc::new(Mutex::new(State::default()));
        let answering = state.clone();
        ChartServer { web: WebServer::start(move |_, asked| answering.lock().unwrap().answer(asked)), state }
    }

    /// Publishes a version; files are below the chart's directory, Chart.yaml is made when it is not among them.
    pub fn publish(&self, name: &str, version: &str, files: &[(&str, &str)]) -> String {
        let archive = packed(name, version, files);
        let digest = digest(&archive);
        self.state.lock().unwrap().charts.insert((name.to_owned(), version.to_owned()), (archive, digest.clone()));
        digest
    }

    /// Replaces the archive of a version; what the index promises stays.
    pub fn tamper(&self, name: &str, version: &str, files: &[(&str, &str)]) {
        let mut state = self.state.lock().unwrap();
        state.charts.get_mut(&(name.to_owned(), version.to_owned())).unwrap().0 = packed(name, version, files);
    }

    /// Says in the index that archives lie there.
    pub fn archives_at(&self, url: &str) {
        self.state.lock().unwrap().archives_at = format!("{url}/");
    }

    /// Answers with errors from now on, or again as it should.
    pub fn set_down(&self, down: bool) {
        self.state.lock().unwrap().down = down;
    }
}

impl State {
    fn answer(&self, asked: &Asked) -> Answer {
        if self.down {
            return Answer::status(503);
        }
        if let Some(rest) = asked.target.strip_prefix("/v2/team/") {
            return self.registry(rest);
        }
        let Some(file) = asked.target.strip_prefix("/charts/") else { return Answer::status(404) };
        if file == "index.yaml" {
            return Answer::ok(self.index());
        }
        let archive = self.charts.iter().find(|((name, version), _)| file == format!("{name}-{version}.tgz"));
        archive.map_or(Answer::status(404), |(_, (archive, _))| Answer::ok(archive.clone()))
    }

    fn index(&self) -> String {
        let mut text = "apiVersion: v1\nentries:\n".to_owned();
        let mut last = "";
        for ((name, version), (_, digest)) in &self.charts {
            if name != last {
                writeln!(text, "  {name}:").unwrap();
                last = name;
            }
            let at = &self.archives_at;
            writeln!(text, "  - {{name: {name}, version: {version}, urls: ['{at}{name}-{version}.tgz'], digest: '{digest}'}}").unwrap();
        }
        text
    }

    fn registry(&self, rest: &str) -> Answer {
        let (name, route) = rest.split_once('/').unwrap_or((rest, ""));
        let of_name = || self.charts.iter().filter(|((n, _), _)| n == name);
        if route == "tags/list" {
            let tags: Vec<String> = of_name().map(|((_, version), _)| format!("\"{version}\"")).collect();
            return Answer::ok(format!("{{\"name\": \"team/{name}\", \"tags\": [{}]}}", tags.join(",")));
        }
        if let Some(tag) = route.strip_prefix("manifests/") {
            let Some((_, (archive, digest))) = of_name().find(|((_, version), _)| version == tag) else { return Answer::status(404) };
            let config = r#""config": {"mediaType": "application/vnd.cncf.helm.config.v1+json", "size": 2, "digest": "sha256:0"}"#;
            let kind = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";
            let layer = format!("{{\"mediaType\": \"{kind}\", \"size\": {}, \"digest\": \"{digest}\"}}", archive.len());
            return Answer::ok(format!("{{\"schemaVersion\": 2, {config}, \"layers\": [{layer}]}}"));
        }
        let blob = route.strip_prefix("blobs/").and_then(|wanted| of_name().find(|(_, (_, digest))| digest == wanted));
        blob.map_or(Answer::status(404), |(_, (archive, _))| Answer::ok(archive.clone()))
    }
}

/// What `helm package` would write, as far as it matters.
pub fn packed(name: &str, version: &str, files: &[(&str, &str)]) -> Vec<u8> {
    let chart = format!("apiVersion: v2\nname: {name}\nversion: {version}\n");
    let mut tar = Vec::new();
    if !files.iter().any(|(path, _)| *path == "Chart.yaml") {
        append(&mut tar, &format!("{name}/Chart.yaml"), chart.as_bytes());
    }
    for (path, text) in files {
        append(&mut tar, &format!("{name}/{path}"), text.as_bytes());
    }
    tar.extend([0; 1024]);
    gzip(&tar)
}

fn append(tar: &mut Vec<u8>, path: &str, bytes: &[u8]) {
    let mut header = [0_u8; 512];
    header[..path.len()].copy_from_slice(path.as_bytes());
    header[100..107].copy_from_slice(b"0000644");
    header[124..135].copy_from_slice(format!("{:011o}", bytes.len()).as_bytes());
    header[136..147].copy_from_slice(b"00000000000");
    header[148..156].copy_from_slice(b"        ");
    header[156] = b'0';
    header[257..263].copy_from_slice(b"ustar\0");
    header[263..265].copy_from_slice(b"00");
    let sum: u32 = header.iter().map(|b| u32::from(*b)).sum();
    header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    tar.extend(header);
    tar.extend(bytes);
    tar.resize(tar.len().next_multiple_of(512), 0);
}

/// Stored, not compressed.
fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255];
    let mut chunks = bytes.chunks(0xFFFF).peekable();
    while let Some(chunk) = chunks.next() {
        let length = u16::try_from(chunk.len()).unwrap();
        out.push(u8::from(chunks.peek().is_none()));
        out.extend(length.to_le_bytes());
        out.extend((!length).to_le_bytes());
        out.extend(chunk);
    }
    let crc = !bytes.iter().fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 })
    });
    out.extend(crc.to_le_bytes());
    out.extend(u32::try_from(bytes.len()).unwrap().to_le_bytes());
    out
}

pub fn digest(bytes: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    let text = format!("sha256:{}", Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect::<String>());
    Revision::parse(&text).unwrap().to_string()
}
