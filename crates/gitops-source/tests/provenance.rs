//! Charts that must be signed, from a chart repository and a registry on this machine.
#![cfg(all(feature = "helm-repo", feature = "oci", feature = "provenance"))]
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "support/web.rs"]
mod web;

use std::path::Path;

use gitops_source::{AllowList, ChartError, ChartSource, Charts, ChartsConfig, Keyring, KeyringRule};
use sha2::{Digest, Sha256};
use web::{Answer, WebServer};

const ARCHIVE: &[u8] = include_bytes!("signed/web-1.2.0.tgz");
const PROVENANCE: &[u8] = include_bytes!("signed/web-1.2.0.tgz.prov");
const KEYS: &[u8] = include_bytes!("signed/signer.asc");
const OTHER_KEYS: &[u8] = include_bytes!("signed/modern.gpg");

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

/// `charts/` and `team/web`, both with that archive and provenance file.
fn server(archive: &[u8], provenance: Option<&[u8]>) -> WebServer {
    let (archive, provenance) = (archive.to_vec(), provenance.map(<[u8]>::to_vec));
    WebServer::start(move |_, asked| {
        let proof = || provenance.clone().map_or(Answer::status(404), Answer::ok);
        match asked.target.as_str() {
            "/charts/index.yaml" => Answer::ok(format!(
                "apiVersion: v1\nentries:\n  web: [{{name: web, version: 1.2.0, urls: [web-1.2.0.tgz], digest: '{}'}}]\n",
                digest(&archive).trim_start_matches("sha256:")
            )),
            "/charts/web-1.2.0.tgz" => Answer::ok(archive.clone()),
            "/charts/web-1.2.0.tgz.prov" => proof(),
            "/v2/team/web/manifests/1.2.0" => {
                let kind = "application/vnd.cncf.helm";
                let layer = |what: &str, bytes: &[u8]| {
                    format!(r#"{{"mediaType": "{kind}.chart.{what}", "size": {}, "digest": "{}"}}"#, bytes.len(), digest(bytes))
                };
                let mut layers = vec![layer("content.v1.tar+gzip", &archive)];
                layers.extend(provenance.as_ref().map(|bytes| layer("provenance.v1.prov", bytes)));
                Answer::ok(format!(r#"{{"config": {{"mediaType": "{kind}.config.v1+json"}}, "layers": [{}]}}"#, layers.join(",")))
            }
            other => match other.strip_prefix("/v2/team/web/blobs/") {
                Some(wanted) if wanted == digest(&archive) => Answer::ok(archive.clone()),
                Some(_) => proof(),
                None => Answer::status(404),
            },
        }
    })
}

fn charts(dir: &Path, keys: &[u8]) -> Charts {
    let rule = KeyringRule { places: AllowList::new(["*"]).unwrap(), keyring: Keyring::parse(keys, "/etc/keys.gpg").unwrap() };
    Charts::open(ChartsConfig { keyrings: vec![rule], ..ChartsConfig::new(dir) }).unwrap()
}

fn sources(server: &WebServer) -> [ChartSource; 3] {
    let registry = format!("oci://{}/team", server.host());
    [
        ChartSource::new(&server.url("charts"), "web", "1.2.0").unwrap(),
        ChartSource::new(&registry, "web", "1.2.0").unwrap(),
        ChartSource::new(&format!("{registry}/web:1.2.0"), "", "").unwrap(),
    ]
}

#[test]
fn a_signed_chart_is_given_and_asked_for_its_signature_once() {
    let server = server(ARCHIVE, Some(PROVENANCE));
    for source in sources(&server) {
        let dir = tempfile::tempdir().unwrap();
        let charts = charts(dir.path(), KEYS);
        let before = server.targets().len();
        assert_eq!(&*charts.fetch(&source).unwrap().bytes, ARCHIVE);
        let (first, before) = (server.targets().len() - before, server.targets().len());
        charts.fetch(&source).unwrap();
        assert_eq!((first, server.targets().len() - before), (3, 1), "{source}");
    }
}

/// Archive, provenance file, keyring, and what is wrong.
type Case<'a> = (&'a [u8], Option<&'a [u8]>, &'a [u8], &'a str);

#[test]
fn what_is_not_vouched_for_is_refused_and_named() {
    let changed = std::str::from_utf8(PROVENANCE).unwrap().replace("A signed chart", "A forged chart");
    let cases: [Case<'_>; 4] = [
        (b"tampered", Some(PROVENANCE), KEYS, "the archive is not the one that was signed"),
        (ARCHIVE, Some(changed.as_bytes()), KEYS, "the message was changed after it was signed"),
        (ARCHIVE, Some(PROVENANCE), OTHER_KEYS, "A274E3603C2E2161, which is not in the keyring"),
        (ARCHIVE, None, KEYS, "there is no provenance file beside it"),
    ];
    for (archive, provenance, keys, wanted) in cases {
        let server = server(archive, provenance);
        for source in sources(&server) {
            let dir = tempfile::tempdir().unwrap();
            let charts = charts(dir.path(), keys);
            for _ in 0..2 {
                let error = charts.fetch(&source).unwrap_err();
                assert!(matches!(error, ChartError::Provenance { .. }), "{error}");
                let text = error.to_string();
                assert!(text.starts_with("chart `web` 1.2.0: not verified with the keyring /etc/keys.gpg: "), "{text}");
                assert!(text.contains(wanted), "{source}: {text}");
            }
            assert_eq!(charts.last(&source), None);
        }
    }
}

#[test]
fn what_was_resolved_without_a_signature_or_by_another_keyring_counts_no_more() {
    let dir = tempfile::tempdir().unwrap();
    let server = server(ARCHIVE, Some(PROVENANCE));
    let [source, ..] = sources(&server);
    let open = || Charts::open(ChartsConfig::new(dir.path())).unwrap();
    open().fetch(&source).unwrap();
    assert!(open().last(&source).is_some());
    assert_eq!(charts(dir.path(), KEYS).last(&source), None);
    charts(dir.path(), KEYS).fetch(&source).unwrap();
    assert!(charts(dir.path(), KEYS).last(&source).is_some());
    assert_eq!(charts(dir.path(), OTHER_KEYS).last(&source), None);
}

#[test]
fn a_rule_holds_for_tags_and_for_what_an_alias_leads_to() {
    let dir = tempfile::tempdir().unwrap();
    let server = server(ARCHIVE, None);
    let [web, registry, tagged] = sources(&server);
    let named = ChartSource::new("https://charts.example.com/team", "web", "").unwrap();
    let with_rule = |place: &str| {
        let rule = KeyringRule { places: AllowList::new([place]).unwrap(), keyring: Keyring::parse(KEYS, "keys").unwrap() };
        Charts::open(ChartsConfig { keyrings: vec![rule], ..ChartsConfig::new(dir.path()) }).unwrap()
    };
    let is_refused = |charts: &Charts, source: &ChartSource| matches!(charts.fetch(source), Err(ChartError::Provenance { .. }));
    let charts = with_rule(&format!("http://{}/team/web", server.host()));
    assert_eq!([&web, &registry, &tagged].map(|source| is_refused(&charts, source)), [false, true, true]);
    let charts = with_rule("https://charts.example.com");
    assert_eq!([web.clone(), web.with_name(&named)].map(|source| is_refused(&charts, &source)), [false, true]);
}
