//! Templates that would run for ever, nest for ever or grow for ever end in an error, on a thread with little stack.

use std::fmt::Write as _;

use gitops_template::{
    Execution, FuncError, Function, Functions, Limits, List, Map, Options, Render, Scope, Str, Target, TemplateSet, Ty, Value,
};

fn include(_: &mut Scope<'_>, args: &mut [Value]) -> Result<Render, FuncError> {
    let name = args[0].as_str().cloned().unwrap_or_default();
    Ok(Render { target: Target::Named(name), dot: args[1].take(), tag: Value::Nil, finish: |_, _, outcome| Ok(Value::Str(outcome?)) })
}

fn tpl(_: &mut Scope<'_>, args: &mut [Value]) -> Result<Render, FuncError> {
    let text = args[0].as_str().cloned().unwrap_or_default();
    let target = Target::Text { name: Str::from("tpl"), text };
    Ok(Render { target, dot: args[1].take(), tag: Value::Nil, finish: |_, _, outcome| Ok(Value::Str(outcome?)) })
}

fn set(_: &mut Scope<'_>, args: &mut [Value]) -> Result<Value, FuncError> {
    let (Some(map), Some(key)) = (args[0].as_map(), args[1].as_str()) else { return Ok(Value::Nil) };
    map.insert(key.clone(), args[2].clone());
    Ok(args[0].take())
}

const FUNCTIONS: &[Function] = &[
    Function::render("include", &[Ty::Str, Ty::Any], include),
    Function::render("tpl", &[Ty::Str, Ty::Any], tpl),
    Function::variadic("list", &[], Ty::Any, |_, args| Ok(Value::List(List::new(args.to_vec())))),
    Function::new("dict", &[], |_, _| Ok(Value::Map(Map::new()))),
    Function::new("set", &[Ty::Map, Ty::Str, Ty::Any], set),
];

/// Renders on a thread with 256 KiB of stack.
fn render(text: String, limits: Limits) -> Result<String, String> {
    let run = move || {
        let mut templates = TemplateSet::new(Functions::builtin().with(FUNCTIONS), Options::default());
        templates.parse("main", &text).map_err(|error| error.to_string())?;
        let mut execution = Execution { limits, ..Execution::default() };
        let out = templates.execute("main", Value::Nil, &mut execution).map_err(|error| error.to_string())?;
        Ok(String::from_utf8_lossy(&out).into_owned())
    };
    let thread = std::thread::Builder::new().stack_size(256 << 10).spawn(run).expect("a thread");
    thread.join().expect("no panic")
}

fn few_steps() -> Limits {
    Limits { steps: 2_000_000, bytes: 20 << 20, ..Limits::default() }
}

#[track_caller]
fn fails(text: &str, limits: Limits, with: &str) {
    let error = render(text.to_owned(), limits).expect_err("it must fail");
    assert!(error.contains(with), "{}", &error[..error.len().min(2000)]);
}

#[test]
fn endless_recursion_reaches_gos_own_limit() {
    let text = r#"{{define "a"}}{{template "a" .}}{{end}}{{template "a" .}}"#;
    fails(
        text,
        Limits::default(),
        r#"template: main:1:25: executing "a" at <{{template "a" .}}>: exceeded maximum template depth (100000)"#,
    );
}

#[test]
fn recursion_through_functions_is_limited_too() {
    let limits = Limits { depth: 500, ..Limits::default() };
    fails(r#"{{define "a"}}{{include "a" .}}{{end}}{{include "a" .}}"#, limits.clone(), "exceeded maximum template depth (500)");
    fails(r#"{{define "a"}}{{tpl "{{include \"a\" .}}" .}}{{end}}{{include "a" .}}"#, limits, "exceeded maximum template depth (500)");
}

#[test]
fn endless_loops_end() {
    fails("{{range 9000000000000000000}}{{end}}", few_steps(), "limit of 2000000 steps");
    fails("{{range 9000000000000000000}}{{/* */}}x{{end}}", Limits { bytes: 1000, ..few_steps() }, "limit of 1000 bytes of text");
}

#[test]
fn growing_text_ends() {
    fails(r#"{{$x := "xxxxxxxx"}}{{range 60}}{{$x = print $x $x}}{{end}}"#, few_steps(), "bytes of text");
    fails(r#"{{range 1000000}}{{printf "%1000000d" 1 | len}}{{end}}"#, few_steps(), "bytes of text");
    // A value that is shared again and again prints as if it were not.
    fails("{{$x := list 1}}{{range 60}}{{$x = list $x $x}}{{end}}{{len (print $x)}}", few_steps(), "bytes of text");
}

#[test]
fn deep_values_are_dropped_without_recursion_and_not_printed() {
    let deep = "{{$x := list 1}}{{range 100000}}{{$x = list $x}}{{end}}{{len $x}}";
    assert_eq!(render(deep.to_owned(), Limits::default()), Ok("1".to_owned()));
    let maps = r#"{{$x := dict}}{{range 100000}}{{$x = set dict "a" $x}}{{end}}{{len $x}}"#;
    assert_eq!(render(maps.to_owned(), Limits::default()), Ok("1".to_owned()));
    fails("{{$x := list 1}}{{range 2000}}{{$x = list $x}}{{end}}{{$x}}", few_steps(), "levels of nested values");
    fails(r#"{{$x := dict}}{{$x = set $x "self" $x}}{{$x}}"#, few_steps(), "levels of nested values");
}

#[test]
fn deep_nesting_of_the_text_is_no_recursion() {
    let nested = |open: &str, inner: &str, close: &str, depth: usize| format!("{}{inner}{}", open.repeat(depth), close.repeat(depth));
    let parens = |depth| format!("{{{{{}}}}}", nested("(", "1", ")", depth));
    assert_eq!(render(parens(9_999), few_steps()), Ok("1".to_owned()));
    fails(&parens(10_001), few_steps(), "max expression depth exceeded");
    assert_eq!(render(nested("{{if true}}", "x", "{{end}}", 50_000), few_steps()), Ok("x".to_owned()));
    assert_eq!(render(nested("{{with 1}}", "{{.}}", "{{end}}", 50_000), few_steps()), Ok("1".to_owned()));
    assert_eq!(render(nested("{{range 1}}", "{{.}}", "{{end}}", 20_000), few_steps()), Ok("0".to_owned()));
    let mut chain = "{{if false}}".to_owned();
    for n in 0..20_000 {
        let _ = write!(chain, "{{{{else if eq 1 {n}}}}}{n}");
    }
    assert_eq!(render(chain + "{{end}}", few_steps()), Ok("1".to_owned()));
}
