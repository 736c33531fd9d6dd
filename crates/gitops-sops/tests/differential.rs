//! Made-up documents, encrypted by the real sops and decrypted by both.
//!
//! The program is `sops` 3.13.3 from `GITOPS_SOPS` or the `PATH`; without it this is skipped, loudly.
//! `GITOPS_DIFFERENTIAL_SEED` and `GITOPS_DIFFERENTIAL_CASES` ask for other inputs and for more of them.
#![allow(clippy::unwrap_used, reason = "tests")]
#![expect(clippy::disallowed_methods, reason = "door: the test runs sops on files")]

use std::path::PathBuf;
use std::process::Command;

use gitops_manifest::yaml::{self, ParseOptions, Schema};
use gitops_manifest::{Value, json};
use gitops_sops::{Keys, decrypt};

const VERSION: &str = "3.13.3";

fn sops() -> Option<PathBuf> {
    let program = std::env::var_os("GITOPS_SOPS").map_or_else(|| PathBuf::from("sops"), PathBuf::from);
    let output = Command::new(&program).args(["--disable-version-check", "--version"]).output().ok()?;
    String::from_utf8_lossy(&output.stdout).contains(VERSION).then_some(program)
}

/// Numbers that look random and are the same each time. Rule: xorshift64*.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % limit
    }

    fn text(&mut self) -> String {
        const PARTS: [&str; 22] = [
            "a", "secret", ": ", "#", "\"", "'", "\\", "\n", "é", "✓", "😀", "\t", "- ", "{", "}", "%", "true", "0", "1.5", " ", "ENC[",
            "\u{85}",
        ];
        (0..self.below(6)).map(|_| PARTS[self.below(PARTS.len() as u64) as usize]).collect()
    }

    fn scalar(&mut self) -> Value {
        match self.below(7) {
            0 => Value::from(self.below(1 << 40) as i64 - (1 << 39)),
            1 => Value::from((self.below(2000) as f64 - 1000.0) / 64.0),
            2 => Value::from(self.below(2) == 0),
            3 => Value::Null,
            _ => Value::from(self.text()),
        }
    }

    fn value(&mut self, depth: u32) -> Value {
        match self.below(if depth == 0 { 3 } else { 6 }) {
            4 => Value::List((0..self.below(4)).map(|_| self.value(depth - 1)).collect()),
            5 => self.map(depth - 1),
            _ => self.scalar(),
        }
    }

    fn map(&mut self, depth: u32) -> Value {
        let suffix = |r: &mut Random| if r.below(5) == 0 { "_unencrypted" } else { "" };
        Value::Map(
            (0..1 + self.below(5)).map(|i| (format!("k{i}{}", suffix(self)), self.value(depth))).collect::<Vec<_>>().into_iter().collect(),
        )
    }
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(default)
}

#[test]
fn made_up_documents_decrypt_as_sops_does() {
    let Some(sops) = sops() else {
        assert_ne!(std::env::var("GITOPS_REQUIRE").as_deref(), Ok("all"), "no sops {VERSION} (GITOPS_SOPS)");
        eprintln!("SKIPPED: no sops {VERSION} (GITOPS_SOPS or PATH)");
        return;
    };
    let identity = std::fs::read_to_string("tests/keys/one.txt").unwrap();
    let keys = Keys::new().with_identity_file(&identity, "one.txt").unwrap();
    let recipient = keys.identities()[0].recipient();
    let directory = tempfile::tempdir().unwrap();
    let mut random = Random(setting("GITOPS_DIFFERENTIAL_SEED", 1).max(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let run = |arguments: &[&str]| {
        let output = Command::new(&sops)
            .args(["--disable-version-check"])
            .args(arguments)
            .current_dir(directory.path())
            .env("SOPS_AGE_KEY", &identity)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    for i in 0..setting("GITOPS_DIFFERENTIAL_CASES", 24) {
        let value = random.map(3);
        let is_yaml = i % 2 == 0;
        let (name, text) = if is_yaml { ("file.yaml", yaml::print(&value)) } else { ("file.json", json::print(&value)) };
        std::fs::write(directory.path().join(name), &text).unwrap();
        let encrypted = run(&["encrypt", "--age", &recipient, name]);
        std::fs::write(directory.path().join(name), &encrypted).unwrap();
        let ours = decrypt(&encrypted, name, &keys).unwrap_or_else(|e| panic!("case {i}: {e}\n{text}"));
        if is_yaml {
            // As JSON: go-yaml does not always print what it can read again.
            let theirs = json::parse(&run(&["decrypt", "--output-type", "json", name]), name).unwrap();
            let options = ParseOptions { schema: Schema::GoYaml3, ..ParseOptions::default() };
            assert_eq!(yaml::parse(ours.bytes(), name, &options).unwrap().documents[0].value, theirs, "case {i}\n{text}");
        } else {
            let theirs = run(&["decrypt", name]);
            assert_eq!(String::from_utf8_lossy(ours.bytes()), String::from_utf8_lossy(&theirs), "case {i}\n{text}");
        }
    }
}
