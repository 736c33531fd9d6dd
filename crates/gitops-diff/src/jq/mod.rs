//! jq path expressions: which fields an ignore rule leaves out. The language is read by `jaq`'s parser and run here, so that
//! a rule of a stranger costs what we let it: steps are counted, whatever it computes.
//!
//! What runs: everything a path is written with (`.a.b`, `.[]`, `.[1:2]`, `..`, `?`, `|`, `,`, `//`, `select`, `first`, `last`,
//! `getpath`, `recurse`, `if`, `try`, `as`), comparisons, arithmetic, literals, and the functions of [`function`]. What does not
//! (definitions, `reduce`, `label`, assignments, input and output) is refused when the rule is read, by name.

mod compile;
mod eval;
mod function;
mod order;

use gitops_manifest::{Str, Value};

pub(crate) use compile::JqError;
use compile::{Expr, compile};
use eval::Run;

/// Steps that one expression may take on one object, unless the caller says otherwise. Some tens of milliseconds.
pub const JQ_STEPS: u64 = 1_000_000;

/// An expression, ready to run.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    expr: std::sync::Arc<Expr>,
    steps: u64,
}

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    Index(usize),
    Key(Str),
}

impl Program {
    pub(crate) fn new(text: &str, steps: u64) -> Result<Program, JqError> {
        Ok(Program { expr: std::sync::Arc::new(compile(text)?), steps })
    }

    /// The paths in `object` that the expression gives; `None` when it fails or does not come to an end in time.
    pub(crate) fn paths(&self, object: &Value) -> Option<Vec<Vec<Step>>> {
        Run::new(self.steps).paths(&self.expr, object).ok()
    }

    /// Takes out what the expression points at.
    pub(crate) fn remove_from(&self, object: &mut Value) {
        let mut paths = self.paths(object).unwrap_or_default();
        // From the end, so that indexes stay those of the object as it was.
        paths.sort_unstable();
        paths.dedup();
        for path in paths.iter().rev() {
            remove(object, path);
        }
    }
}

fn remove(object: &mut Value, path: &[Step]) {
    let Some((last, way)) = path.split_last() else {
        *object = Value::Null;
        return;
    };
    let holder = way.iter().try_fold(object, |value, step| match step {
        Step::Key(key) => value.as_map_mut()?.get_mut(key),
        Step::Index(i) => value.as_list_mut()?.get_mut(*i),
    });
    match (holder, last) {
        (Some(Value::Map(map)), Step::Key(key)) => _ = map.remove(key),
        (Some(Value::List(list)), Step::Index(i)) if *i < list.len() => _ = list.remove(*i),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use gitops_manifest::{json, yaml};

    use super::*;

    const OBJECT: &str = r#"
spec:
  replicas: 3
  containers:
  - {name: web, image: "web:1", env: [{name: A, value: x}, {name: B}], resources: {limits: {cpu: 1}}}
  - {name: sidecar-istio, image: "istio:1"}
  webhooks: [{name: a, clientConfig: {caBundle: x}}, {name: b, clientConfig: {}}]
metadata: {annotations: {"example.com/hash": "1", "other": "2"}, name: x}
"#;

    fn object() -> Value {
        yaml::parse(OBJECT.as_bytes(), "x", &yaml::ParseOptions::default()).expect("YAML").documents.remove(0).value
    }

    fn paths(text: &str) -> Option<String> {
        let found = Program::new(text, JQ_STEPS).expect(text).paths(&object())?;
        let shown = |path: Vec<Step>| {
            path.into_iter().map(|s| match s {
                Step::Key(k) => format!(".{k}"),
                Step::Index(i) => format!("[{i}]"),
            })
        };
        Some(found.into_iter().map(|p| shown(p).collect::<String>()).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn paths_as_jq_gives_them() {
        for (text, expected) in [
            (".spec.replicas", ".spec.replicas"),
            (".spec[\"replicas\"]", ".spec.replicas"),
            (".spec.containers[].image", ".spec.containers[0].image .spec.containers[1].image"),
            (".spec.containers[] | select(.name == \"web\") | .image", ".spec.containers[0].image"),
            (".spec.containers[] | select(.name | startswith(\"sidecar\"))", ".spec.containers[1]"),
            (".spec.containers[] | select(.name | test(\"^SIDE\"; \"i\"))", ".spec.containers[1]"),
            (".spec.containers[0].env[] | select(.value == null)", ".spec.containers[0].env[1]"),
            (".spec.webhooks[]?.clientConfig.caBundle", ".spec.webhooks[0].clientConfig.caBundle .spec.webhooks[1].clientConfig.caBundle"),
            (".spec.containers[-1], .spec.nothing.at.all", ".spec.containers[1] .spec.nothing.at.all"),
            (".metadata.annotations | to_entries | length as $n | empty", ""),
            (".metadata.annotations[\"example.com/hash\"]", ".metadata.annotations.example.com/hash"),
            (".spec.missing[]?", ""),
            ("first(.spec.containers[] | select(has(\"env\")))", ".spec.containers[0]"),
            (".spec | if .replicas > 2 then .replicas else .other end", ".spec.replicas"),
            ("(.spec.none // .spec.replicas)", ".spec.replicas"),
            (
                "[.spec.containers[].name] as $names | .spec.containers[] | select($names | index(\"web\") != null) | .name",
                ".spec.containers[0].name .spec.containers[1].name",
            ),
            (".. | objects | select(.caBundle?) | .caBundle", ".spec.webhooks[0].clientConfig.caBundle"),
            (".spec.containers[1:] | .[0].image", ".spec.containers[1].image"),
            (".spec.containers[] | select(.env | any(.name == \"A\")?) | .env", ".spec.containers[0].env"),
            (".spec.containers[].resources.limits?", ".spec.containers[0].resources.limits .spec.containers[1].resources.limits"),
            ("getpath([\"spec\", \"replicas\"])", ".spec.replicas"),
            ("try .spec.replicas.x", ""),
        ] {
            assert_eq!(paths(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_fails_gives_nothing() {
        for text in [".spec.missing[]", ".spec.replicas[]", "1", ".spec | length", "error(\"x\")", ".spec.replicas.x"] {
            assert_eq!(paths(text), None, "{text}");
        }
        let mut unchanged = object();
        Program::new(".spec.missing[]", JQ_STEPS).expect("compiles").remove_from(&mut unchanged);
        assert_eq!(unchanged, object());
    }

    #[test]
    fn elements_are_taken_out_where_they_stood() {
        let mut value = object();
        Program::new(".spec.containers[0].env[], .spec.containers[1], .spec.webhooks", JQ_STEPS).expect("compiles").remove_from(&mut value);
        assert_eq!(
            json::print(value.get("spec").expect("there")),
            r#"{"containers":[{"env":[],"image":"web:1","name":"web","resources":{"limits":{"cpu":1}}}],"replicas":3}"#
        );
    }

    #[test]
    fn what_does_not_run_is_refused_by_name() {
        for (text, word) in [
            ("", "not a jq expression"),
            (".a |", "not a jq expression"),
            ("def f: f; f", "def"),
            ("reduce .[] as $x (0; . + 1)", "reduce"),
            (".a = 1", "assignment"),
            ("input", "input"),
            ("env.HOME", "env"),
            ("while(true; .)", "while"),
            ("label $x | break $x", "label"),
            ("$nobody", "$nobody"),
        ] {
            let error = Program::new(text, JQ_STEPS).expect_err(text).to_string();
            assert!(error.contains(word), "{text}: {error}");
        }
    }

    #[test]
    fn strangers_cost_what_we_let_them() {
        for text in [
            "recurse(.)",
            "[range(1000000000)] | .[0]",
            "[.,.]|[.,.]|[.,.]|[.,.]|[.,.]|[.,.]|[.,.]|[.,.]|[.,.]|[.,.]|[.,.]|[.,.]|[.,.]|[.,.]|[.,.]|[.,.]|[.,.]|[.,.]|[.,.]|[.,.]|[.,.]|..",
            "(.,.)|(.,.)|(.,.)|(.,.)|(.,.)|(.,.)|(.,.)|(.,.)|(.,.)|(.,.)|(.,.)|(.,.)|(.,.)|(.,.)|(.,.)|(.,.)|(.,.)|(.,.)|(.,.)|(.,.)|(.,.)|empty",
            ".. | .. | .. | .. | .. | .. | .. | .. | .. | .. | ..? | empty",
            "\"x\" * 1000000000",
            "[range(20000)] | .[] | empty | .[], [range(20000)] | .[] as $x | $x",
            "[range(9000)] | (., ., ., ., ., .) | (., ., ., .) | length | empty",
        ] {
            let program = match Program::new(text, 100_000) {
                Ok(program) => program,
                Err(e) => panic!("{text}: {e}"),
            };
            assert_eq!(program.paths(&object()), None, "{text}");
        }
        assert!(Program::new(&"(".repeat(1500), JQ_STEPS).is_err());
        assert!(Program::new(&".a".repeat(5000), JQ_STEPS).is_err());
    }
}
