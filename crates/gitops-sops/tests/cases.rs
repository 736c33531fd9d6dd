//! Runs every folder of `tests/cases`, whose files the real sops made (`tests/make-cases.sh`; the broken ones were changed
//! after that).
//!
//! A case: `case.yaml` (`why`, `keys`: names of `tests/keys`), `file.ENDING`, and exactly one of `expected.ENDING` (what
//! `sops decrypt` printed: YAML and INI compared as values, the others as bytes) and `error.txt`. `UPDATE_EXPECT=1` writes
//! errors anew; a person reads the diff.
#![allow(clippy::unwrap_used, reason = "tests")]
#![expect(clippy::disallowed_methods, reason = "door: the test reads its cases from files")]

use std::fs;
use std::path::Path;

use gitops_manifest::Value;
use gitops_manifest::yaml::{self, ParseOptions, Schema};
use gitops_sops::{Keys, decrypt, is_encrypted};

fn keys(names: &[Value]) -> Keys {
    let text: String = names
        .iter()
        .map(|name| fs::read_to_string(Path::new("tests/keys").join(name.as_str().unwrap()).with_extension("txt")).unwrap())
        .collect();
    if text.is_empty() { Keys::new() } else { Keys::new().with_identity_file(&text, "keys").unwrap() }
}

/// What a file means, so that layout does not count.
fn meaning(bytes: &[u8], ending: &str) -> String {
    match ending {
        "yaml" => {
            let options = ParseOptions { schema: Schema::GoYaml3, ..ParseOptions::default() };
            let parsed = yaml::parse(bytes, "", &options).unwrap();
            parsed.documents.iter().map(|d| yaml::print(&d.value)).collect::<Vec<_>>().join("---\n")
        }
        "ini" => {
            let lines = std::str::from_utf8(bytes).unwrap().lines().filter(|l| !l.trim().is_empty());
            lines.map(|l| l.split_once('=').map_or(l.to_owned(), |(k, v)| format!("{}={}\n", k.trim(), v.trim()))).collect()
        }
        _ => format!("{:?}", String::from_utf8_lossy(bytes)),
    }
}

#[test]
fn every_case() {
    let mut cases: Vec<_> = fs::read_dir("tests/cases").unwrap().map(|e| e.unwrap().path()).collect();
    cases.sort();
    assert!(cases.len() >= 25, "{} cases", cases.len());
    for case in cases {
        let mut names: Vec<String> = fs::read_dir(&case).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        let file = names.iter().find(|n| n.starts_with("file.")).unwrap_or_else(|| panic!("{}: no file", case.display()));
        let ending = file.rsplit_once('.').unwrap().1;
        let expected = format!("expected.{ending}");
        let settings = yaml::parse(&fs::read(case.join("case.yaml")).unwrap(), "case.yaml", &ParseOptions::default()).unwrap();
        let settings = &settings.documents[0].value;
        assert!(settings.str_at(&["why"]).is_some(), "{}: why?", case.display());
        let bytes = fs::read(case.join(file)).unwrap();
        assert!(is_encrypted(&bytes, file), "{}", case.display());
        let outcome = decrypt(&bytes, file, &keys(settings.get("keys").unwrap().as_list().unwrap()));
        match outcome {
            Ok(decrypted) => {
                assert_eq!(names, ["case.yaml", expected.as_str(), file], "{}", case.display());
                let expected = fs::read(case.join(expected)).unwrap();
                assert_eq!(meaning(decrypted.bytes(), ending), meaning(&expected, ending), "{}", case.display());
                assert!(!is_encrypted(decrypted.bytes(), file), "{}", case.display());
                assert!(!String::from_utf8_lossy(decrypted.bytes()).contains("ENC["), "{}", case.display());
            }
            Err(error) => {
                let error = format!("{error}\n");
                if std::env::var_os("UPDATE_EXPECT").is_some() {
                    fs::write(case.join("error.txt"), &error).unwrap();
                }
                let expected = fs::read_to_string(case.join("error.txt")).unwrap_or_else(|_| panic!("{}: {error}", case.display()));
                assert_eq!(error, expected, "{}", case.display());
            }
        }
    }
}

#[test]
fn what_is_in_the_clear_keeps_its_lines() {
    let file = fs::read("tests/cases/yaml-one-recipients/file.yaml").unwrap();
    let keys = keys(&[Value::from("one")]);
    let decrypted = decrypt(&file, "file.yaml", &keys).unwrap();
    let (before, after) = (String::from_utf8(file).unwrap(), std::str::from_utf8(decrypted.bytes()).unwrap().to_owned());
    for (i, line) in after.lines().enumerate() {
        let (key, _) = line.split_once(':').unwrap_or((line, ""));
        if !key.contains('#') && !key.contains("- ") {
            assert!(before.lines().nth(i).unwrap().starts_with(key), "{line}");
        }
    }
    assert!(after.contains("# of the role `app`"), "comments are decrypted: {after}");
    assert!(decrypted.secrets().any(|s| s == "app-user") && decrypted.secrets().all(|s| s != "8080"));
    assert!(!format!("{decrypted:?}{keys:?}").contains("app-user"));
}

#[test]
fn no_bytes_make_it_panic() {
    let keys = keys(&[Value::from("one")]);
    for (case, name) in [
        ("yaml-one-recipients", "file.yaml"),
        ("json-one-recipients", "file.json"),
        ("ini-one-recipients", "file.ini"),
        ("dotenv-one-recipients", "file.env"),
    ] {
        let bytes = fs::read(format!("tests/cases/{case}/{name}")).unwrap();
        let whole = decrypt(&bytes, name, &keys).unwrap();
        for cut in (0..bytes.len()).step_by(37) {
            // What is cut off after the MAC may be of no use.
            if let Ok(decrypted) = decrypt(&bytes[..cut], name, &keys) {
                assert_eq!(decrypted.bytes(), whole.bytes(), "{case} cut at {cut}");
            }
            let mut changed = bytes.clone();
            changed[cut] ^= 0x15;
            let _ = decrypt(&changed, name, &keys);
        }
    }
}
