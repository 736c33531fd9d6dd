//! What scripts can and cannot do, and that they end.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::disallowed_methods, reason = "measures that scripts end in time")]

use std::time::{Duration, Instant};

use gitops_health::{Health, HealthStatus};
use gitops_lua::{HealthScript, HealthScripts, Libraries, Limits, Script, ScriptError};
use gitops_manifest::{Value, json};
use proptest::prelude::*;

fn run(text: &str, libraries: Libraries) -> Result<Option<Value>, ScriptError> {
    Script::new("test", text, libraries)?.run(&[("obj", &json::parse(br#"{"a": [1, 2], "b": null, "c": {}}"#, "obj").unwrap())])
}

fn returned(text: &str, libraries: Libraries) -> String {
    json::print(&run(text, libraries).unwrap().unwrap_or_default())
}

#[test]
fn the_dialect_is_argo_cds() {
    for (text, expected) in [
        ("return table.getn(obj.a)", "2"),
        ("return unpack({1, 2, 3})", "3"),
        ("return obj.b == nil", "true"),
        ("return 10 / 2 .. ''", "\"5\""),
        ("return {n = 7 / 2}", "{\"n\":3.5}"),
        ("return loadstring('return 4')()", "4"),
        ("for i = 1, 3 do if i == 2 then goto done end end ::done:: return 'ok'", "\"ok\""),
        ("return {}", "[]"),
        ("return obj.c", "[]"),
        ("local os = require('os') return os.date('!%Y', 0)", "\"1970\""),
        ("print('nobody reads this') return 1", "1"),
        ("x = (x or 0) + 1 return x", "1"),
        ("return 1, nil", "null"),
        ("", "null"),
    ] {
        assert_eq!(returned(text, Libraries::Reduced), expected, "{text}");
    }
    for (text, expected) in [
        ("return string.len('abc')", "3"),
        ("return ('abc'):upper()", "\"ABC\""),
        ("return math.pow(2, 10)", "1024"),
        ("return math.mod(7, 3)", "1"),
    ] {
        assert_eq!(returned(text, Libraries::Open), expected, "{text}");
    }
}

#[test]
fn nothing_reaches_out() {
    for name in ["io", "debug", "package", "dofile", "loadfile", "collectgarbage", "os.execute", "os.getenv", "os.exit", "os.remove"] {
        for libraries in [Libraries::Reduced, Libraries::Open] {
            assert_eq!(returned(&format!("return {name} == nil"), libraries), "true", "{name}");
        }
    }
    for name in ["string", "math", "coroutine"] {
        assert_eq!(returned(&format!("return {name} == nil"), Libraries::Reduced), "true", "{name}");
    }
    assert!(run("require('socket')", Libraries::Open).unwrap_err().to_string().contains("module socket not found"));
    assert!(run("return ('x'):upper()", Libraries::Reduced).is_err());
    let byte_code = "return load(string.dump(function() return 1 end)) == nil";
    assert_eq!(returned(byte_code, Libraries::Open), "true");
}

#[test]
fn errors_name_the_script_and_the_line() {
    let error = run("local x = nil\nreturn x.y", Libraries::Reduced).unwrap_err();
    assert_eq!(error.to_string(), "test:2: attempt to index local 'x' (a nil value)");
    let error = run("if", Libraries::Reduced).unwrap_err();
    assert!(matches!(&error, ScriptError::Syntax { message } if message.starts_with("test:1:")), "{error}");
    assert_eq!(run("error('just this', 0)", Libraries::Reduced).unwrap_err().to_string(), "just this");
    assert!(run("return {function() end}", Libraries::Reduced).unwrap_err().to_string().contains("a function cannot be part"));
    assert!(run("local t = {} t.t = t return t", Libraries::Reduced).unwrap_err().to_string().contains("holds itself"));
}

#[test]
fn every_script_ends() {
    let hostile = [
        "while true do end",
        "repeat until pcall(function() while true do end end) and false",
        "while true do pcall(function() while true do end end) end",
        "local function f() return f() end return f()",
        "local function f() return 1 + f() end return f()",
        "local t = {} while true do t[#t + 1] = {1, 2, 3} end",
        "local s = 'x' while true do s = s .. s end",
        "return string.rep('x', 1e12)",
        "return ('a'):rep(40):find(('a?'):rep(40) .. ('a'):rep(40))",
        "return string.find(string.rep('a', 100000), string.rep('a*', 30) .. 'b')",
        "local c = coroutine.wrap(function() while true do end end) c()",
        "return setmetatable({}, {__index = function(t, k) return t[k .. 'x'] end}).a",
        "while true do coroutine.resume(coroutine.create(function() while true do end end)) end",
        "while true do xpcall(function() while true do end end, function() end) end",
        "table.insert(setmetatable({}, {__len = function() return 1e15 end}), 1, 2)",
        "return string.find(string.rep('a', 4000000), string.rep('a', 2000000) .. 'b', 1, true)",
        "return string.gsub(string.rep('a', 3000000), 'a*b', '')",
        "local t = {} for i = 1, 1e9 do t[i] = i end",
        "table.concat({}, 'x', 1, 1e15)",
        "return table.sort({3, 2, 1, 5, 4}, function() return true end)",
    ];
    for text in hostile {
        let began = Instant::now();
        println!("{text}");
        let script = Script::new("hostile", text, Libraries::Open).unwrap();
        let limits = Limits { time: Duration::from_millis(300), memory: 16 << 20, ..Limits::default() };
        let result = script.with_limits(limits).run(&[]);
        assert!(began.elapsed() < Duration::from_secs(5), "{text}: {:?}, {result:?}", began.elapsed());
    }
    let error = run("while true do end", Libraries::Reduced).unwrap_err();
    assert!(matches!(error, ScriptError::Limit { .. }), "{error}");
    let error = run("local t = {} while true do t[#t + 1] = {1, 2, 3} end", Libraries::Reduced).unwrap_err();
    assert!(matches!(error, ScriptError::Limit { .. }), "{error}");
}

#[test]
fn health_of_a_script() {
    let assess = |text: &str| HealthScript::new("a/B", text, Libraries::Reduced).unwrap().assess(&Value::Null);
    assert_eq!(assess("return {status = 'Degraded', message = 'no'}"), Ok(Some(Health::new(HealthStatus::Degraded, "no"))));
    assert_eq!(assess("return nil"), Ok(None));
    assert_eq!(assess("return {}"), Ok(None));
    let invalid = Health::new(HealthStatus::Unknown, "Lua returned an invalid health status");
    assert_eq!(assess("return {status = 'Fine'}"), Ok(Some(invalid.clone())));
    assert_eq!(assess("return {message = 'x'}"), Ok(Some(invalid)));
    assert_eq!(assess("return 'x'").unwrap_err().to_string(), "expect table output from Lua script, not string");
}

#[test]
fn the_exact_kind_comes_before_patterns() {
    let script = |message: &str| {
        HealthScript::new(message, &format!("return {{status = 'Healthy', message = '{message}'}}"), Libraries::Reduced).unwrap()
    };
    let mut scripts = HealthScripts::default();
    scripts.add("*.example.org/*", script("pattern"));
    scripts.add("a.example.org/Tape", script("exact"));
    scripts.add("Pod", script("core"));
    scripts.add("other.*", script("across"));
    let assess = |text: &str| scripts.assess(&json::parse(text.as_bytes(), "live").unwrap()).map(|h| h.message);
    assert_eq!(assess(r#"{"apiVersion": "a.example.org/v1", "kind": "Tape"}"#).as_deref(), Some("exact"));
    assert_eq!(assess(r#"{"apiVersion": "a.example.org/v1", "kind": "Disk"}"#).as_deref(), Some("pattern"));
    assert_eq!(assess(r#"{"apiVersion": "other.org/v1", "kind": "Disk"}"#).as_deref(), Some("across"));
    assert_eq!(assess(r#"{"apiVersion": "v1", "kind": "Pod"}"#).as_deref(), Some("core"));
    assert_eq!(assess(r#"{"apiVersion": "v1", "kind": "ConfigMap"}"#), None);
    let deleted = r#"{"apiVersion": "v1", "kind": "Pod", "metadata": {"deletionTimestamp": "2024-01-01T00:00:00Z"}}"#;
    assert_eq!(assess(deleted).as_deref(), Some("Pending deletion"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Any text is a script, a syntax error or a failure, and ends.
    #[test]
    fn any_text_ends(text in "[a-z{}()=. \n\"0-9#+]{0,60}") {
        if let Ok(script) = Script::new("any", &text, Libraries::Open) {
            let _ = script.with_limits(Limits { time: Duration::from_millis(100), ..Limits::default() }).run(&[]);
        }
    }
}
