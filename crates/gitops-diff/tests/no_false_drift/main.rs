//! No false drift, on a real API server: `docs/no-false-drift.md` is this test's table.
//!
//! Every object in `objects/` is applied by server-side apply, the API server fills in its defaults and the controllers act on
//! it; then nothing may differ. After that every single value is changed in turn: the comparison must show that value and
//! nothing else, and where the API server accepts the change (a dry run), its answer must differ too, or the difference would
//! stay for ever. And every field is taken away in turn: what the API server would change must have been seen.
//!
//! `UPDATE_EXPECT=1` writes the table anew; a stale one fails.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::disallowed_methods, reason = "door: reads the objects, talks to the API server")]

mod change;
mod plane;
mod table;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use gitops_diff::{Change, Comparer, Difference, Managers, Owned, Verdict};
use gitops_manifest::{Value, json, yaml};
use gitops_schema::{Schema, builtin, from_crd, from_openapi};

use plane::Plane;
use table::Row;

const MANAGER: &str = "gitops";

fn documents() -> Vec<(String, Value)> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/no_false_drift/objects");
    let mut files: Vec<PathBuf> = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    let read = |file: &PathBuf| {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read(file).unwrap();
        let documents = yaml::parse(&text, &name, &yaml::ParseOptions::default()).unwrap().documents;
        documents.into_iter().map(|d| (name.clone(), d.value)).collect::<Vec<_>>()
    };
    files.iter().flat_map(read).collect()
}

struct Check<'p> {
    plane: &'p Plane,
    schema: Schema,
    comparer: Comparer,
    failures: Vec<String>,
}

impl Check<'_> {
    fn compare(&self, desired: &Value, live: &Value) -> Owned {
        self.comparer.compare(&self.schema, desired, live, &[])
    }

    fn confirm(&self, predicted: &Value, live: &Value) -> Owned {
        self.comparer.confirm(&self.schema, predicted, live, &[], false)
    }

    /// What the API server would make of it; `None` when it refuses.
    fn predicted(&self, desired: &Value) -> Option<Value> {
        let (status, answer) = self.plane.apply(desired, true);
        (status < 300).then_some(answer)
    }

    fn fail(&mut self, object: &str, what: &str, detail: &str) {
        self.failures.push(format!("{object}: {what}: {detail}"));
    }

    /// Applied and left alone: nothing differs.
    fn unchanged(&mut self, name: &str, desired: &Value, live: &Value, row: &mut Row) {
        let found = self.compare(desired, live);
        match found.verdict() {
            Verdict::InSync => {}
            Verdict::Differs => self.fail(name, "differs after its apply", &short(&found)),
            Verdict::AskServer => {
                row.asked += 1;
                println!("asked: {name}: {}", short(&found));
                let settled = self.predicted(desired).map(|predicted| self.confirm(&predicted, live));
                if settled.as_ref().is_none_or(|s| s.verdict() != Verdict::InSync) {
                    self.fail(
                        name,
                        "a doubt is not settled",
                        &format!("{} | {}", short(&found), settled.as_ref().map(short).unwrap_or_default()),
                    );
                }
            }
        }
    }

    /// One value changed: that is what differs, and nothing else.
    fn changed(&mut self, name: &str, desired: &Value, live: &Value, row: &mut Row) {
        for (pointer, value) in change::values(desired) {
            let mut other = desired.clone();
            change::set(&mut other, &pointer, value.clone());
            let found = self.compare(&other, live);
            row.changed += 1;
            let exact = match found.differences.as_slice() {
                [one] => match &one.change {
                    Change::Changed { to, .. } | Change::Added { value: to } => *to == value || change::holds(to, &value),
                    _ => false,
                },
                // A key of a list element: one element goes and another comes. Endpoints are sorted first.
                list => !list.is_empty() && (change::is_key(&self.schema, desired, &pointer) || name.starts_with("Endpoints ")),
            };
            if !exact && found.verdict() != Verdict::AskServer {
                self.fail(name, &format!("{pointer} was changed"), &short(&found));
                continue;
            }
            match self.predicted(&other) {
                None => row.refused += 1,
                Some(predicted) => {
                    let settled = self.confirm(&predicted, live);
                    let stays = settled.verdict() == Verdict::InSync && found.verdict() == Verdict::Differs;
                    let known = |(kind, at, _): &(&str, &str, &str)| name.starts_with(&format!("{kind} ")) && pointer.starts_with(at);
                    if stays && table::KEPT.iter().any(known) {
                        row.kept += 1;
                    } else if stays {
                        self.fail(name, &format!("{pointer} was changed"), &format!("the API server keeps what it has: {}", short(&found)));
                    }
                }
            }
        }
    }

    /// One field taken away: what the API server would change is seen.
    fn removed(&mut self, name: &str, desired: &Value, live: &Value, row: &mut Row) {
        for pointer in change::fields(desired) {
            let mut other = desired.clone();
            change::remove(&mut other, &pointer);
            let found = self.compare(&other, live);
            row.removed += 1;
            let Some(predicted) = self.predicted(&other) else {
                row.refused += 1;
                continue;
            };
            let settled = self.confirm(&predicted, live);
            match (found.verdict(), settled.verdict()) {
                (Verdict::InSync, Verdict::Differs) => {
                    self.fail(name, &format!("{pointer} was taken away and not missed"), &short(&settled));
                }
                (Verdict::Differs, Verdict::InSync) => row.refilled += 1,
                _ => {}
            }
        }
    }
}

/// What was found, on one line.
fn short(found: &Owned) -> String {
    let one = |d: &Difference| match &d.change {
        Change::Added { value } => format!("+{} {}", d.path, json::print(value)),
        Change::Removed { value } => format!("-{} {}", d.path, json::print(value)),
        Change::Changed { from, to } => format!("{} {} -> {}", d.path, json::print(from), json::print(to)),
        other => format!("{} {other:?}", d.path),
    };
    let doubts = found.doubts.iter().map(|d| format!("{} ({})", one(&d.difference), d.reason));
    found.differences.iter().map(one).chain(doubts).collect::<Vec<_>>().join("; ")
}

#[test]
fn nothing_drifts_by_itself() {
    let Some(plane) = Plane::new() else { return };
    let managers = Managers { applied: vec![MANAGER.into()], updated: Vec::new() };
    let mut check =
        Check { plane: &plane, schema: Schema::default(), comparer: Comparer { managers, ..Comparer::default() }, failures: Vec::new() };
    let objects: Vec<Value> = documents().into_iter().map(|(_, object)| plane.place(object)).collect();
    for object in &objects {
        let name = plane::name_of(object);
        let (status, answer) = plane.apply(object, false);
        if status >= 300 {
            check.fail(&name, "is refused", &json::print(&answer));
            continue;
        }
        if object.str_at(&["kind"]) == Some("CustomResourceDefinition") {
            plane.established(object);
            check.schema.set(&name, from_crd(object).unwrap());
        }
    }
    assert!(check.failures.is_empty(), "{}", check.failures.join("\n"));
    let live = plane.settled(&objects);
    let mut rows: BTreeMap<String, Row> = BTreeMap::new();
    for (object, live) in objects.iter().zip(&live) {
        let Some(live) = live else { continue };
        let row = rows.entry(table::kind_of(object)).or_default();
        row.examples += 1;
        let name = plane::name_of(object);
        check.unchanged(&name, object, live, row);
        check.changed(&name, object, live, row);
        check.removed(&name, object, live, row);
    }
    let failed = check.failures.len();
    println!("{}", table::print(&rows, &plane.left_out(&rows)));
    println!("no false drift: {} passed, {failed} failed", objects.len().saturating_sub(failed));
    assert!(check.failures.is_empty(), "{}", check.failures.join("\n"));
    table::expect(&rows, &plane.left_out(&rows));
}

/// What `kubectl apply` made and nobody has applied since: what is in git is in sync with it, so that taking it over changes
/// nothing and restarts no pod.
#[test]
fn what_kubectl_made_is_in_sync_before_it_is_taken_over() {
    let Some(plane) = Plane::own() else { return };
    let kubectl = "kubectl-client-side-apply";
    let managers = Managers { applied: vec![MANAGER.into()], updated: vec![kubectl.into()] };
    let mut check =
        Check { plane: &plane, schema: Schema::default(), comparer: Comparer { managers, ..Comparer::default() }, failures: Vec::new() };
    let objects: Vec<Value> = documents().into_iter().map(|(_, object)| plane.place(object)).collect();
    for object in &objects {
        let name = plane::name_of(object);
        let (status, answer) = plane.create(object, kubectl);
        if status >= 300 {
            check.fail(&name, "is refused", &json::print(&answer));
        } else if object.str_at(&["kind"]) == Some("CustomResourceDefinition") {
            plane.established(object);
            check.schema.set(&name, from_crd(object).unwrap());
        }
    }
    let live = plane.settled(&objects);
    let mut row = Row::default();
    for (object, live) in objects.iter().zip(&live) {
        if let Some(live) = live {
            row.examples += 1;
            check.unchanged(&plane::name_of(object), object, live, &mut row);
        }
    }
    println!("taken over: {} in sync, {} of them asked about, {} failed", row.examples, row.asked, check.failures.len());
    assert!(check.failures.is_empty(), "{}", check.failures.join("\n"));
}

/// The API server's own documents say the same as the embedded table.
#[test]
fn the_embedded_table_is_that_of_the_api_server() {
    let Some(plane) = Plane::new() else { return };
    let documents = plane.documents();
    let began = std::time::Instant::now();
    let table = from_openapi(&documents).unwrap();
    let took = began.elapsed();
    println!("{} documents: {} types, {} bytes, {} ms", documents.len(), table.len(), table.heap_bytes(), took.as_millis());
    let mut schema = Schema::default();
    schema.set("all", table.clone());
    let mut kinds = 0;
    for (group, version, kind, scope) in table.kinds().filter(|(group, ..)| !group.ends_with("example.com")) {
        let known = builtin().kind(group, version, kind).unwrap_or_else(|| panic!("{group}/{version} {kind} is not built in"));
        assert_eq!(known.scope, scope, "{group}/{version} {kind}");
        let fields = |ty: gitops_schema::Type<'_>| format!("{:?}", ty.shape());
        let path = ["spec", "template", "spec"];
        let pairs = path.iter().scan((known.ty, schema.kind(group, version, kind).unwrap().ty), |(a, b), name| {
            (*a, *b) = (a.field(name).ty, b.field(name).ty);
            Some((fields(*a), fields(*b)))
        });
        for (embedded, published) in pairs {
            assert_eq!(embedded, published, "{group}/{version} {kind}");
        }
        kinds += 1;
    }
    assert!(kinds > 60, "{kinds} kinds");
}
