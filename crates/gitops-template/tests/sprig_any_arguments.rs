//! Every function of sprig, called with arguments of the right types and of the worst values: each call ends, in a value or an error.

use gitops_template::{Execution, Functions, Options, TemplateSet, Ty, Value, sprig};

/// Slow by design, and each has a test of its own.
const SLOW: &[&str] = &["bcrypt", "htpasswd", "derivePassword", "genPrivateKey", "genCA", "genSelfSignedCert", "genSignedCert"];

const TEXTS: &[&str] = &[
    r#""""#,
    r#""a""#,
    r#"" é日\n""#,
    r#"(trunc 1 "é")"#,
    r#"(b64dec "/////w==")"#,
    r#""9223372036854775808""#,
    r#""-1e400""#,
    r#""[a-z]+(""#,
    r#""(a*)*$1${x}""#,
    r#""2006-01-02T15:04:05.999Z07:00""#,
    r#"">=1.2 || ^0-0""#,
    r#""http://[::1%25é]:8/%4""#,
    r#""-9223372036854775808ns""#,
    r#""{\"a\":[1,\"\\ud800\"]}""#,
    r#""______""#,
    r#"(repeat 300 "x-")"#,
];
const INTS: &[&str] = &["0", "1", "-1", "7", "300", "-300", "9223372036854775807", "-9223372036854775808"];
const FLOATS: &[&str] = &["0.0", "-0.5", "1e308", "5e-324", "(float64 \"NaN\")", "(float64 \"-Inf\")"];
const LISTS: &[&str] = &["(list)", "nil", "(list nil 1 \"a\" 2.5)", "(list (list (dict \"a\" 1)))"];
const MAPS: &[&str] = &["(dict)", "nil", "(dict \"a\" (dict \"b\" nil) \"\" (list 1))", "(dict \"a\" (semver \"1.2.3\") \"scheme\" 1)"];
const OTHERS: &[&str] = &[
    "nil",
    "true",
    "'x'",
    "2i",
    "(int64 -5)",
    "(until 3)",
    "(splitList \",\" \"b,a\")",
    "(split \",\" \"b,a\")",
    "(chunk 2 (list 1 2 3))",
    "(semver \"1.2.3-a+b\")",
    "(toDate \"2006\" \"2024\")",
    "((toDate \"2006\" \"2024\").Month)",
    "((toDate \"2006\" \"2024\").Sub (toDate \"\" \"\"))",
    "(rest list)",
];

struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }

    fn one(&mut self, among: &[&'static str]) -> &'static str {
        among[self.below(among.len())]
    }

    fn argument(&mut self, ty: Ty) -> &'static str {
        match ty {
            Ty::Str => self.one(TEXTS),
            Ty::Int | Ty::Int64 => self.one(INTS),
            Ty::Float => self.one(FLOATS),
            Ty::Bool => self.one(&["true", "false"]),
            Ty::Map => self.one(MAPS),
            Ty::List => self.one(LISTS),
            Ty::Object("time.Time") => self.one(&["(toDate \"2006\" \"2024\")", "(toDate \"\" \"x\")"]),
            _ => {
                let pool = [TEXTS, INTS, FLOATS, LISTS, MAPS, OTHERS][self.below(6)];
                self.one(pool)
            }
        }
    }
}

#[test]
fn nothing_panics() {
    let functions = Functions::builtin().with(sprig::FUNCTIONS);
    let mut random = Random(42);
    let (mut values, mut errors) = (0, 0);
    for function in sprig::FUNCTIONS.iter().filter(|f| !SLOW.iter().any(|slow| f.name.starts_with(slow))) {
        for _ in 0..60 {
            let mut call = function.name.to_owned();
            for ty in function.params {
                call += &format!(" {}", random.argument(*ty));
            }
            if let Some(ty) = function.variadic {
                for _ in 0..random.below(5) {
                    call += &format!(" {}", random.argument(ty));
                }
            }
            let mut set = TemplateSet::new(functions.clone(), Options::default());
            let template =
                format!("{{{{ $r := {call} }}}}{{{{ $r }}}}{{{{ toJson $r }}}}{{{{ typeOf $r }}}}{{{{ deepEqual $r (deepCopy $r) }}}}");
            set.parse("main", &template).unwrap_or_else(|e| panic!("{template}: {e}"));
            let mut execution = Execution::default();
            execution.limits.bytes = 1 << 20;
            execution.ambient.seed = [1; 32];
            match set.execute("main", Value::Nil, &mut execution) {
                Ok(_) => values += 1,
                Err(_) => errors += 1,
            }
        }
    }
    println!("{values} values, {errors} errors");
    assert!(values > 4_000 && errors > 1_000, "{values} values, {errors} errors");
}
