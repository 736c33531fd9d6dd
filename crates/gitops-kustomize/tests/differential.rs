//! Kustomizations that nobody wrote, built here and by the real kustomize: the bytes must be equal, and what one refuses
//! the other must refuse.
//!
//! `GITOPS_KUSTOMIZE` names the real program (else `kustomize` of the PATH); it must be v5.8.2. Without it the test is
//! skipped, and says so. `GITOPS_DIFFERENTIAL_CASES` is how many trees are built (default 150), `GITOPS_DIFFERENTIAL_SEED`
//! what they are made from (default: one of the clock's; it is printed), `GITOPS_DIFFERENTIAL_KEEP` a folder that differing
//! trees are written to, `GITOPS_DIFFERENTIAL_REFUSALS=1` prints what kustomize refuses. With `GITOPS_DIFFERENTIAL_ALL=1` it goes on behind a difference, and counts.

#![expect(clippy::disallowed_methods, reason = "door: a test that runs the real program beside ours")]

#[path = "differential/kustomizations.rs"]
mod kustomizations;
#[path = "differential/resources.rs"]
mod resources;
#[path = "differential/tape.rs"]
mod tape;

use std::cell::{Cell, RefCell};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use gitops_kustomize::{Options, Seams, build};
use gitops_tree::{MemoryTree, TreePath};
use proptest::collection::vec;
use proptest::num::u16::ANY;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

use kustomizations::Tree;

const VERSION: &str = "v5.8.2";

/// The same trees each time, unless `GITOPS_DIFFERENTIAL_SEED` says another number, or `clock` for new ones.
const SEED: u64 = 5;

fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.is_empty())
}

fn kustomize() -> Option<PathBuf> {
    // By its whole path: it is run without an environment, where no name is looked up.
    let on_path = || std::env::split_paths(&std::env::var_os("PATH")?).map(|dir| dir.join("kustomize")).find(|file| file.is_file());
    let program = setting("GITOPS_KUSTOMIZE").map(PathBuf::from).or_else(on_path)?;
    let output = Command::new(&program).arg("version").output().ok()?;
    String::from_utf8_lossy(&output.stdout).contains(VERSION).then_some(program)
}

/// What a program printed, or why it did not.
type Printed = Result<String, String>;

fn theirs(program: &Path, tree: &Tree, dir: &Path) -> Printed {
    write(tree, dir);
    let output = Command::new(program).arg("build").arg(dir.join(&tree.root)).env_clear().output().expect("kustomize starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

fn write(tree: &Tree, dir: &Path) {
    let _ = fs::remove_dir_all(dir);
    for (path, content) in &tree.files {
        let file = dir.join(path);
        fs::create_dir_all(file.parent().expect("a folder")).expect("a folder is made");
        fs::write(file, content).expect("a file is written");
    }
}

fn ours(tree: &Tree) -> Printed {
    let files = tree.files.iter().fold(MemoryTree::new(), |files, (path, content)| files.with(path, content));
    let start = TreePath::parse(&tree.root).expect("a path");
    match build(&files, &start, &Options::default(), &Seams::default()) {
        Ok(built) => Ok(built.to_yaml()),
        Err(error) => Err(error.to_string()),
    }
}

fn shown(tree: &Tree, ours: &Printed, theirs: &Printed) -> String {
    let mut text = format!("build {}\n", tree.root);
    for (path, content) in &tree.files {
        text += &format!("--- {path}\n{content}\n");
    }
    let part = |printed: &Printed| match printed {
        Ok(text) => text.clone(),
        Err(error) => format!("refused: {error}"),
    };
    format!("{text}=== ours\n{}\n=== kustomize\n{}", part(ours), part(theirs))
}

fn seed_of_the_clock() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64)
}

#[test]
fn as_kustomize_builds() {
    let Some(program) = kustomize() else {
        assert_ne!(setting("GITOPS_REQUIRE").as_deref(), Some("all"), "kustomize {VERSION} is required: set GITOPS_KUSTOMIZE");
        eprintln!("SKIPPED: no kustomize {VERSION}: set GITOPS_KUSTOMIZE to compare with it");
        return;
    };
    let seed = match setting("GITOPS_DIFFERENTIAL_SEED").as_deref() {
        None => SEED,
        Some("clock") => seed_of_the_clock(),
        Some(number) => number.parse().expect("GITOPS_DIFFERENTIAL_SEED is a number, or `clock`"),
    };
    let cases = setting("GITOPS_DIFFERENTIAL_CASES").and_then(|text| text.parse().ok()).unwrap_or(150);
    let keep = setting("GITOPS_DIFFERENTIAL_KEEP").map(PathBuf::from);
    let all = setting("GITOPS_DIFFERENTIAL_ALL").is_some();
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 400, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let dir = tempfile::tempdir().expect("a folder");
    let (built, refused, different) = (Cell::new(0_u32), Cell::new(0_u32), Cell::new(0_u32));
    let last = RefCell::new(String::new());
    let result = runner.run(&vec(ANY, 0..700), |numbers| {
        let tree = kustomizations::tree(&numbers);
        let (theirs, ours) = (theirs(&program, &tree, &dir.path().join("tree")), ours(&tree));
        let equal = match (&ours, &theirs) {
            (Ok(ours), Ok(theirs)) => ours == theirs,
            (Err(_), Err(_)) => true,
            _ => false,
        };
        let count = if theirs.is_ok() { &built } else { &refused };
        count.set(count.get() + 1);
        if let (Err(error), Some(_)) = (&theirs, setting("GITOPS_DIFFERENTIAL_REFUSALS")) {
            eprintln!("refused: {error}");
        }
        if equal {
            return Ok(());
        }
        different.set(different.get() + 1);
        *last.borrow_mut() = shown(&tree, &ours, &theirs);
        if let Some(keep) = &keep {
            let place = keep.join(format!("{seed}-{}", different.get()));
            write(&tree, &place.join("input"));
            let _ = fs::write(place.join("report.txt"), &*last.borrow());
        }
        if all { Ok(()) } else { Err(TestCaseError::fail("the outputs differ")) }
    });
    eprintln!("differential: seed {seed}: {} built, {} refused by kustomize, {} different", built.get(), refused.get(), different.get());
    assert!(result.is_ok() && different.get() == 0, "seed {seed}:\n{}", last.borrow());
}
