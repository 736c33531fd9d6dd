//! The fast parser against the kept one: on every YAML file of the conformance data, and on generated text that is close
//! to YAML. Where the fast parser is sure, both must read the same.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests: they read files and settings")]

use std::path::{Path, PathBuf};

use gitops_manifest::yaml::{DuplicateKeys, Node, NodeKind, ParseOptions, ScalarStyle, Schema, each, parse, parse_nodes};
use proptest::prelude::*;

/// Both schemas, and both meanings of equal keys.
fn all_options() -> [ParseOptions; 2] {
    let options = |schema, duplicates| ParseOptions { schema, duplicates, ..ParseOptions::default() };
    [options(Schema::Yaml11, DuplicateKeys::LastWins), options(Schema::GoYaml3, DuplicateKeys::Refuse)]
}

/// The parsers need not agree where nothing stands, whether a list begins before or behind its first dash, and whether a
/// block scalar begins at its indicator or its text.
fn forget_some_places(node: &mut Node) {
    match &mut node.kind {
        NodeKind::Scalar(text, style) if text.is_empty() || matches!(style, ScalarStyle::Literal | ScalarStyle::Folded) => {
            (node.line, node.column) = (0, 0);
        }
        NodeKind::List(items, _) => {
            items.iter_mut().for_each(forget_some_places);
            (node.line, node.column) = (0, 0);
        }
        NodeKind::Map(entries, _) => entries.iter_mut().for_each(|(_, value)| forget_some_places(value)),
        _ => {}
    }
}

/// Whether the fast parser was sure; an error says what it read otherwise.
fn agree(text: &[u8]) -> Result<bool, String> {
    let mut sure = false;
    for options in all_options() {
        let Some(fast) = each::fast(text, &options) else { continue };
        sure = true;
        let kept = match each::kept(text, &options) {
            Ok(kept) => kept,
            // Only the fast parser reads these, as go-yaml does: see `go_yaml.rs`.
            Err(e) if e.message.contains("invalid indentation in multiline quoted scalar") => return Ok(true),
            Err(e) => return Err(format!("the kept parser refuses ({e}) what the fast one reads as {fast:?}")),
        };
        if fast.documents != kept.documents || fast.warnings != kept.warnings {
            return Err(format!("fast {fast:?}\nkept {kept:?}"));
        }
    }
    if let (true, Some(mut fast)) = (sure, each::fast_nodes(text)) {
        let mut kept = parse_nodes(text, "", &ParseOptions::default()).map_err(|e| e.to_string())?;
        fast.iter_mut().chain(&mut kept).for_each(forget_some_places);
        if fast != kept {
            return Err(format!("fast {fast:?}\nkept {kept:?}"));
        }
    }
    Ok(sure)
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        match path.extension().and_then(|e| e.to_str()) {
            _ if path.is_dir() => collect(&path, found),
            Some("yaml" | "yml") => found.push(path),
            _ => {}
        }
    }
}

/// The YAML files of the conformance data; none when it is not there, which `GITOPS_REQUIRE=all` forbids.
fn conformance() -> Vec<PathBuf> {
    let folder = std::env::var_os("GITOPS_CONFORMANCE")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance"), PathBuf::from);
    let mut files = Vec::new();
    collect(&folder, &mut files);
    if files.is_empty() {
        let message = format!("no YAML files under {}: set GITOPS_CONFORMANCE to the conformance data", folder.display());
        assert!(std::env::var("GITOPS_REQUIRE").as_deref() != Ok("all"), "{message}");
        eprintln!("SKIPPED: {message}");
    }
    files.sort();
    files
}

#[test]
fn on_the_conformance_data() {
    let files = conformance();
    if files.is_empty() {
        return;
    }
    let (mut sure, mut valid, mut wrong, mut unsure) = (0, 0, Vec::new(), Vec::new());
    for file in &files {
        let text = std::fs::read(file).unwrap();
        match agree(&text) {
            Ok(true) => sure += 1,
            Ok(false) if all_options().iter().any(|o| each::kept(&text, o).is_ok()) => unsure.push(file),
            Ok(false) => continue,
            Err(e) => wrong.push(format!("{}: {}", file.display(), &e.chars().take(2000).collect::<String>())),
        }
        valid += 1;
    }
    println!("{} files, {valid} valid, {sure} by the fast parser", files.len());
    if std::env::var_os("GITOPS_SHOW").is_some() {
        unsure.iter().for_each(|file| println!("unsure {}", file.display()));
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong[..wrong.len().min(5)].join("\n"));
    assert!(sure * 100 > valid * 95, "the fast parser read only {sure} of {valid}");
}

/// Real files with a few characters changed, or cut off: what is nearly right is where parsers part.
#[test]
fn on_damaged_conformance_data() {
    const WITH: &[&str] = &[
        "", "", "", " ", "  ", "\n", ":", ": ", "- ", "-", "'", "\"", "#", " #", "|", ">", "[", "]", "{", "}", ",", "\t", "\n\n", "\\",
        "a", "&", "*", "!",
    ];
    let (mut sure, mut all) = (0, 0);
    // A fixed sequence: the same changes in every run.
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below.max(1) as u64) as usize
    };
    let every = 7;
    for file in conformance().iter().step_by(every) {
        let text = std::fs::read(file).unwrap();
        // A window of lines, so that a change meets its neighbours and files cost alike.
        let lines: Vec<&[u8]> = text.split_inclusive(|b| *b == b'\n').collect();
        for _ in 0..rounds() {
            let first = random(lines.len().saturating_sub(12));
            let mut text = lines[first..lines.len().min(first + 12)].concat();
            for _ in 0..random(3) {
                let at = random(text.len() + 1);
                let end = (at + random(3)).min(text.len());
                text.splice(at..end, WITH[random(WITH.len())].bytes());
            }
            if random(4) == 0 {
                text.truncate(random(text.len() + 1));
            }
            all += 1;
            match agree(&text) {
                Ok(yes) => sure += usize::from(yes),
                Err(e) => panic!("{}: {e}\n{}", file.display(), String::from_utf8_lossy(&text)),
            }
        }
    }
    println!("{all} damaged texts, {sure} by the fast parser");
}

/// How many texts each file makes; `GITOPS_CASES` makes a longer run.
fn rounds() -> usize {
    std::env::var("GITOPS_CASES").ok().and_then(|n| n.parse::<usize>().ok()).map_or(5, |n| n / 1000)
}

/// Pieces that mean something somewhere.
fn piece() -> impl Strategy<Value = String> {
    let pieces = [
        "a",
        "b: ",
        "b:",
        "- ",
        "-",
        ": ",
        ":",
        "\n",
        "\n",
        "\n\n",
        "\n  ",
        "\n    ",
        "\n ",
        "\n- ",
        "\n  - ",
        " ",
        "  ",
        "\t",
        "'",
        "\"",
        "''",
        "\\n",
        "\\",
        "\\\n",
        "|",
        ">",
        "|-\n  ",
        "|+\n ",
        ">\n  ",
        ">-\n    ",
        ">+2\n   ",
        "|1",
        "#",
        " # c",
        "# c\n",
        "\r\n",
        "[",
        "]",
        "{",
        "}",
        ", ",
        ",",
        "[a, b]",
        "{a: b}",
        "{\"a\":1}",
        "---",
        "\n---\n",
        "\n...\n",
        "--- ",
        "? ",
        "&x ",
        "*x",
        "!t ",
        "%",
        "@",
        "1",
        "1.5",
        "yes",
        "null",
        "~",
        "<<",
        "é",
        "\u{85}",
        "\u{2028}",
        "\u{feff}",
        "key: value",
        "\nk: v",
        "\n  k: v",
        "\n- k: v",
        "\"q\": ",
        "'q': ",
        "-1",
        "x y",
    ];
    prop::sample::select(pieces.map(str::to_owned).to_vec())
}

/// Lines of random indentation: closer to YAML than pieces alone.
fn line() -> impl Strategy<Value = String> {
    let head = prop::sample::select(vec!["", "- ", "a: ", "b:", "- c: ", "- - ", "\"d\": ", "'e': ", "# ", "?", "a b: ", "-", "- a:"]);
    let body = prop::sample::select(vec![
        "",
        "x",
        "x y  ",
        "'s'",
        "'it''s'",
        "'open",
        "close'",
        "\"d\\te\"",
        "\"open",
        "close\"",
        "|",
        "|-",
        "|+",
        ">",
        ">-",
        ">+",
        "|2",
        ">1-",
        "[a, b]",
        "[a",
        "b]",
        "{a: 1,",
        "c: d}",
        "{}",
        "[]",
        "1",
        "on",
        "x # c",
        "x#c",
        "x:y",
        "x: y",
        "---",
        "...",
        " deeper",
        "\ttab",
        "\\",
        "[\"a\", 'b']",
        "- x",
        "{\"a\": [1, {b: c}]}",
        "a,b",
        "]",
        "*a",
        "&a b",
        "!!str x",
        ", ",
        "\"x\" ",
        "\"x\" # c",
        "'x'#c",
    ]);
    (0usize..7, head, body, prop::sample::select(vec!["\n", "\n", "\n", "\n", "\n\n", "\r\n", "  \n", "\n  \n", "\n      \n", ""]))
        .prop_map(|(indent, head, body, end)| format!("{}{head}{body}{end}", " ".repeat(indent)))
}

fn check(text: &str) -> Result<(), TestCaseError> {
    agree(text.as_bytes()).map(drop).map_err(|e| TestCaseError::fail(format!("{text:?}\n{text}\n{e}")))
}

/// `GITOPS_CASES` makes a longer run.
fn config() -> ProptestConfig {
    let cases = std::env::var("GITOPS_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(3000);
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases) }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn on_pieces(pieces in prop::collection::vec(piece(), 0..14)) {
        check(&pieces.concat())?;
    }

    #[test]
    fn on_lines(lines in prop::collection::vec(line(), 0..7)) {
        check(&lines.concat())?;
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&bytes, "", &ParseOptions::default());
        let _ = agree(&bytes).map_err(TestCaseError::fail)?;
    }
}
