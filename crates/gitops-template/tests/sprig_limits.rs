//! Templates that ask sprig for too much: each ends soon, in an error that names a limit, and nothing panics.

use gitops_template::{Execution, Functions, Options, TemplateSet, Value, sprig};

fn render(template: &str) -> Result<String, String> {
    let mut set = TemplateSet::new(Functions::builtin().with(sprig::FUNCTIONS), Options::default());
    set.parse("main", template).map_err(|e| e.to_string())?;
    let mut execution = Execution::default();
    execution.limits.bytes = 1 << 26;
    let out = set.execute("main", Value::Nil, &mut execution).map_err(|e| e.to_string())?;
    String::from_utf8(out).map_err(|e| e.to_string())
}

#[test]
fn too_much_is_an_error() {
    for call in [
        r#"repeat 1000000000 "x""#,
        r#"repeat 9223372036854775807 "xy""#,
        "until 1000000000",
        "until -9223372036854775808",
        "untilStep -9223372036854775808 9223372036854775807 1",
        "seq 1000000000000000000",
        "seq 1 1000000000000",
        r#"indent 1000000000 "a""#,
        r#"nindent 9223372036854775807 "a\nb""#,
        "randAlphaNum 1000000000000",
        "randBytes 9223372036854775807",
        r#"$x := "a" }}{{ range until 64 }}{{ $x = replace "a" "aaaa" $x }}{{ end }}{{ len $x"#,
        r#"$x := "a" }}{{ range until 64 }}{{ $x = regexReplaceAll "a" $x "aaaa" }}{{ end }}{{ len $x"#,
        r#"$x := "a" }}{{ range until 64 }}{{ $x = cat $x $x }}{{ end }}{{ len $x"#,
        r#"$x := list 1 }}{{ range until 64 }}{{ $x = concat $x $x }}{{ end }}{{ len $x"#,
        r#"$x := list 1 }}{{ range until 64 }}{{ $x = list $x $x }}{{ end }}{{ toJson $x"#,
        r#"$x := list 1 }}{{ range until 64 }}{{ $x = list $x $x }}{{ end }}{{ deepCopy $x | len"#,
        r#"$x := list 1 }}{{ $y := list 1 }}{{ range until 64 }}{{ $x = list $x $x }}{{ $y = list $y $y }}{{ end }}{{ deepEqual $x $y"#,
        r#"$x := list 1 }}{{ $y := list 1 }}{{ range until 64 }}{{ $x = list $x $x }}{{ $y = list $y $y }}{{ end }}{{ has $x (list $y)"#,
        r#"$d := dict }}{{ $_ := set $d "d" $d }}{{ toJson $d"#,
        r#"$d := dict }}{{ $_ := set $d "d" $d }}{{ deepCopy $d"#,
        r#"$d := dict }}{{ $_ := set $d "d" $d }}{{ $e := dict }}{{ $_ := set $e "d" $e }}{{ merge $d $e"#,
        r#"range until 100000 }}{{ bcrypt "x" }}{{ end }}{{ 1"#,
        r#"range until 100000 }}{{ derivePassword 1 "pin" "a" "b" "c" }}{{ end }}{{ 1"#,
        r#"$l := until 20000 }}{{ uniq $l | len"#,
    ] {
        let outcome = render(&format!("{{{{ {call} }}}}"));
        assert!(outcome.as_ref().is_err_and(|e| e.contains("limit")), "{call}: {:?}", outcome.map(|text| text.len()));
    }
}

#[test]
fn patterns_nest_without_end_of_the_stack() {
    for (open, close) in [("(", ")"), ("(?:x|", ")*"), ("(?i:", ")"), ("((a", "){1,1}b)")] {
        for depth in [40, 74, 149, 151, 5000] {
            let pattern = format!("{}a{}", open.repeat(depth), close.repeat(depth));
            // Found, not found or refused: all that counts is that it ends.
            let _ = render(&format!("{{{{ regexFind {pattern:?} \"aaa\" }}}}"));
        }
    }
    assert!(render(r#"{{ regexMatch "(\\pL{1000})" "x" }}"#).is_ok());
}

#[test]
fn the_same_seed_gives_the_same_results() {
    let render = |seed: u8| {
        let mut set = TemplateSet::new(Functions::builtin().with(sprig::FUNCTIONS), Options::default());
        let template = r#"{{ randAlphaNum 20 }} {{ uuidv4 }} {{ genPrivateKey "ed25519" | sha256sum }} {{ (genCAWithKey "ca" 1 (genPrivateKey "ecdsa")).Cert }}"#;
        set.parse("main", template).expect("a template");
        let mut execution = Execution::default();
        execution.ambient.seed = [seed; 32];
        let out = set.execute("main", Value::Nil, &mut execution).expect("an output");
        (out, execution.ambient.drift)
    };
    let (first, drift) = render(1);
    assert_eq!(drift, ["randAlphaNum", "uuidv4", "genPrivateKey", "genCAWithKey"]);
    assert_eq!(first, render(1).0);
    assert_ne!(first, render(2).0);
    // No seed at all: never twice the same.
    assert_ne!(render(0).0, render(0).0);
}
