//! Texts and templates that functions have rendered: who sees which definition, and what errors say.

use gitops_template::{
    Execution, FuncError, Function, Functions, Options, Render, Scope, Str, Target, TemplateError, TemplateSet, Ty, Value,
};

type Outcome = Result<Str, TemplateError>;

fn include(_: &mut Scope<'_>, args: &mut [Value]) -> Result<Render, FuncError> {
    let name = args[0].as_str().cloned().unwrap_or_default();
    let finish = |_: &mut Scope<'_>, _: Value, outcome: Outcome| Ok(Value::Str(outcome?));
    Ok(Render { target: Target::Named(name), dot: args[1].take(), tag: Value::Nil, finish })
}

fn tpl(_: &mut Scope<'_>, args: &mut [Value]) -> Result<Render, FuncError> {
    let text = args[0].as_str().cloned().unwrap_or_default();
    let tag = args[0].take();
    let finish = |_: &mut Scope<'_>, tag: Value, outcome: Outcome| {
        let what = gitops_template::fmt::sprintf(b"rendering %q", &[tag])?;
        outcome.map(Value::Str).map_err(|error| FuncError::from(error).wrapped(what.to_string()))
    };
    Ok(Render { target: Target::Text { name: Str::from("text"), text }, dot: args[1].take(), tag, finish })
}

/// What a failed rendering gives instead.
fn attempt(_: &mut Scope<'_>, args: &mut [Value]) -> Result<Render, FuncError> {
    let name = args[0].as_str().cloned().unwrap_or_default();
    let finish = |_: &mut Scope<'_>, tag: Value, outcome: Outcome| Ok(outcome.map_or(tag, Value::Str));
    Ok(Render { target: Target::Named(name), dot: args[1].take(), tag: Value::from("instead"), finish })
}

const FUNCTIONS: &[Function] = &[
    Function::render("include", &[Ty::Str, Ty::Any], include),
    Function::render("tpl", &[Ty::Str, Ty::Any], tpl),
    Function::render("attempt", &[Ty::Str, Ty::Any], attempt),
];

fn render(files: &[(&str, &str)]) -> Result<String, String> {
    let mut set = TemplateSet::new(Functions::builtin().with(FUNCTIONS), Options { name: "set".to_owned(), ..Options::default() });
    for (name, text) in files {
        set.parse(name, text).map_err(|error| error.to_string())?;
    }
    let name = files.last().map_or("", |(name, _)| name);
    let out = set.execute(name, Value::from("dot"), &mut Execution::default()).map_err(|error| error.to_string())?;
    Ok(String::from_utf8_lossy(&out).into_owned())
}

const SHARED: (&str, &str) = ("shared", r#"{{define "who"}}set{{end}}{{define "greet"}}hello {{include "who" .}}{{end}}"#);

#[test]
fn what_a_text_defines_is_seen_by_what_it_calls_and_by_nobody_else() {
    let main = r#"{{tpl "{{define \"who\"}}text{{end}}{{include \"greet\" .}}, {{template \"greet\" .}}" .}}; {{include "greet" .}}"#;
    assert_eq!(render(&[SHARED, ("main", main)]), Ok("hello text, hello text; hello set".to_owned()));
    let inner = r#"{{tpl "{{define \"who\"}}outer{{end}}{{tpl \"{{include \\\"who\\\" .}}\" .}}" .}}{{include "who" .}}"#;
    assert_eq!(render(&[SHARED, ("main", inner)]), Ok("outerset".to_owned()));
}

#[test]
fn a_blank_definition_replaces_nothing() {
    assert_eq!(
        render(&[SHARED, ("blank", r#"{{define "who"}} {{/* */}} {{end}}"#), ("main", r#"{{template "who"}}"#)]),
        Ok("set".to_owned())
    );
}

#[test]
fn errors_tell_the_whole_way() {
    let files = [("inner", "{{define \"bad\"}}\n  {{.x.y}}{{end}}"), ("main", "a\n{{ include \"bad\" . | print }}")];
    let want = r#"template: main:2:3: executing "main" at <include "bad" .>: error calling include: template: inner:2:6: executing "bad" at <.x.y>: can't evaluate field x in type string"#;
    assert_eq!(render(&files), Err(want.to_owned()));
    let want = r#"template: main:1:2: executing "main" at <tpl "{{if}}" .>: error calling tpl: rendering "{{if}}": template: text:1: missing value for if"#;
    assert_eq!(render(&[("main", r#"{{tpl "{{if}}" .}}"#)]), Err(want.to_owned()));
    let want = r#"template: main:1:2: executing "main" at <include "none" .>: error calling include: template: no template "none" associated with template "set""#;
    assert_eq!(render(&[("main", r#"{{include "none" .}}"#)]), Err(want.to_owned()));
}

#[test]
fn after_a_failed_rendering_everything_is_as_before() {
    let bad = (
        "bad",
        r#"{{define "bad"}}x{{range $i, $e := "abc"}}{{end}}{{end}}{{define "worse"}}{{with 1}}{{range $i := 3}}{{template "bad" .}}{{end}}{{end}}{{end}}"#,
    );
    let main = r#"{{$x := 1}}{{range $i := 2}}[{{attempt "worse" .}} {{$x}} {{$i}} {{.}}]{{end}}{{$x}}{{.}}"#;
    assert_eq!(render(&[bad, ("main", main)]), Ok("[instead 1 0 0][instead 1 1 1]1dot".to_owned()));
}

#[test]
fn sets_are_shared_between_threads() {
    fn shared<T: Send + Sync>(_: &T) {}
    let mut set = TemplateSet::new(Functions::builtin(), Options::default());
    let parsed = set.read("main", "{{.}}").expect("it parses");
    shared(&parsed);
    set.add(&parsed);
    shared(&set);
    let texts = std::thread::scope(|scope| {
        let set = &set;
        let threads: Vec<_> = (0..4).map(|n| scope.spawn(move || set.execute("main", Value::Int(n), &mut Execution::default()))).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect::<Result<Vec<_>, _>>()
    });
    assert_eq!(texts.expect("they render"), [b"0", b"1", b"2", b"3"]);
}
