//! Rules as data: which kinds, then one line per rule, the first that fits decides.
//!
//! ```text
//! kind cert-manager.io/Certificate
//! Progressing "{@Issuing.message}" if @Issuing=True
//! ready Ready "Waiting for certificate"
//! ```
//!
//! A rule is a status, a message and, after `if`, what must hold: tests joined by `and`, such groups joined by `or`.
//!
//! | test | holds when |
//! | --- | --- |
//! | `.status.phase=Running\|Ready` | the field's text is one of these; `!=`: is none of them (also when it is missing); `~`: patterns with `*` |
//! | `.status.phase`, `!.status.phase` | the field is there and not `null`; is not. `empty .x`: missing, or a list, map or text without content; `!empty .x` |
//! | `.status.ready<.spec.replicas`, also `<=`, `>=`, `>`, `==` | by number; a missing field is 0; the right side may be a number |
//! | `@Ready=True`, `@Ready!=True`, `@Ready`, `!@Ready` | a condition of that type has the status; has another; is there; is not |
//! | `@Ready.reason=A\|B` | the same for another field of the condition; `@*` is any condition |
//! | `stale` | `status.observedGeneration` is below `metadata.generation` |
//! | `stale @` | the `observedGeneration` of a condition is |
//! | `deleting` | `metadata.deletionTimestamp` is set |
//!
//! In messages `{…}` holds references as above, or `kind`, `noun` (the kind in lower case), `group`, `name`; after `|` stands what is taken when they are missing or empty.
//! `ready T "text"` is short for: `T=False` is Degraded, `T=True` is Healthy, each with the condition's message; else Progressing "text".

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

use gitops_manifest::Value;

use crate::glob;
use crate::live::{Condition, Live, text};
use crate::status::{Health, HealthStatus};

/// The rules we ship, by file.
const SHIPPED: &[(&str, &str)] = &[
    ("argo.rules", include_str!("../rules/argo.rules")),
    ("cluster.rules", include_str!("../rules/cluster.rules")),
    ("cloud.rules", include_str!("../rules/cloud.rules")),
    ("data.rules", include_str!("../rules/data.rules")),
    ("delivery.rules", include_str!("../rules/delivery.rules")),
    ("network.rules", include_str!("../rules/network.rules")),
    ("observability.rules", include_str!("../rules/observability.rules")),
    ("security.rules", include_str!("../rules/security.rules")),
];

static RULES: LazyLock<RuleBook> = LazyLock::new(|| {
    let mut book = RuleBook::default();
    for (file, content) in SHIPPED {
        // A test reads every file; a line that is wrong in a release is left out rather than taking the program down.
        let _ = book.read(file, content);
    }
    book
});

/// The rules that come with the program.
pub(crate) fn shipped() -> &'static RuleBook {
    &RULES
}

/// Rules by kind.
#[derive(Default)]
pub(crate) struct RuleBook {
    chapters: Vec<Chapter>,
    /// Chapters by `group/Kind`.
    exact: HashMap<String, Vec<usize>>,
    /// Chapters by patterns, in their order.
    wild: Vec<(String, usize)>,
}

/// The rules under one `kind` line.
#[derive(Default)]
struct Chapter {
    rules: Vec<Rule>,
}

struct Rule {
    status: HealthStatus,
    message: Vec<Piece>,
    /// Any of these groups; within a group all. No group: always.
    when: Vec<Vec<Test>>,
}

enum Piece {
    Text(String),
    /// The first that is there and not empty.
    Reference(Vec<Source>),
}

enum Source {
    Literal(String),
    Field(String),
    Condition {
        kind: String,
        field: String,
    },
    Kind,
    /// The kind in lower case.
    Noun,
    Group,
    Name,
}

enum Test {
    Stale,
    StaleCondition,
    Deleting,
    Field { path: String, expected: Expected },
    Empty { path: String, empty: bool },
    Compare { left: String, order: Order, right: Operand },
    Condition { kind: String, field: String, expected: Expected },
}

enum Expected {
    Present,
    Absent,
    OneOf(Vec<String>),
    NoneOf(Vec<String>),
    Like(Vec<String>),
}

#[derive(Clone, Copy)]
enum Order {
    Less,
    LessOrEqual,
    Equal,
    GreaterOrEqual,
    Greater,
}

enum Operand {
    Number(f64),
    Field(String),
}

/// Why a rule file is wrong.
#[derive(Debug)]
pub(crate) struct RuleError {
    #[cfg_attr(not(test), expect(dead_code, reason = "read by the test that shows the error"))]
    pub(crate) text: String,
}

impl RuleBook {
    pub(crate) fn health(&self, live: &Live<'_>) -> Option<Health> {
        let name = format!("{}/{}", live.group(), live.kind());
        let exact = self.exact.get(&name).into_iter().flatten();
        let wild = self.wild.iter().filter(|(pattern, _)| glob::matches_parts(pattern, &name)).map(|(_, chapter)| chapter);
        let mut chapters = exact.chain(wild).filter_map(|chapter| self.chapters.get(*chapter));
        chapters.find_map(|c| c.rules.iter().find(|r| r.fits(live)).map(|r| r.health(live)))
    }

    /// Adds the rules of a file.
    pub(crate) fn read(&mut self, file: &str, content: &str) -> Result<(), RuleError> {
        let mut result = Ok(());
        for (index, line) in content.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Err(text) = self.read_line(line) {
                result = Err(RuleError { text: format!("{file}:{}: {text}: {line}", index + 1) });
            }
        }
        result
    }

    fn read_line(&mut self, line: &str) -> Result<(), String> {
        if let Some(kinds) = line.strip_prefix("kind ") {
            let chapter = self.chapters.len();
            self.chapters.push(Chapter::default());
            for kind in kinds.split_whitespace() {
                if kind.contains('*') {
                    self.wild.push((kind.to_owned(), chapter));
                } else {
                    self.exact.entry(kind.to_owned()).or_default().push(chapter);
                }
            }
            return Ok(());
        }
        let chapter = self.chapters.last_mut().ok_or("a rule before the first `kind`")?;
        if let Some(rest) = line.strip_prefix("ready ") {
            let (kind, message) = rest.split_once(' ').ok_or("expected a condition type and a text")?;
            let message = message.trim().strip_prefix('"').and_then(|m| m.strip_suffix('"')).ok_or("expected a quoted text")?;
            for text in [
                format!("Degraded \"{{@{kind}.message}}\" if @{kind}=False"),
                format!("Healthy \"{{@{kind}.message}}\" if @{kind}=True"),
                format!("Progressing \"{message}\""),
            ] {
                chapter.rules.push(rule(&text)?);
            }
            return Ok(());
        }
        chapter.rules.push(rule(line)?);
        Ok(())
    }
}

impl Rule {
    fn fits(&self, live: &Live<'_>) -> bool {
        self.when.is_empty() || self.when.iter().any(|all| all.iter().all(|test| test.holds(live)))
    }

    fn health(&self, live: &Live<'_>) -> Health {
        let mut message = String::new();
        for piece in &self.message {
            match piece {
                Piece::Text(text) => message.push_str(text),
                Piece::Reference(sources) => {
                    let found = sources.iter().map(|s| s.read(live)).find(|t| !t.is_empty());
                    message.push_str(&found.unwrap_or_default());
                }
            }
        }
        Health::new(self.status, message)
    }
}

impl Source {
    fn read<'a>(&'a self, live: &Live<'a>) -> Cow<'a, str> {
        match self {
            Source::Literal(text) => Cow::Borrowed(text),
            Source::Field(path) => live.at(path).map(text).unwrap_or_default(),
            Source::Condition { kind, field } => of_type(live, kind).find_map(|c| c.field(field)).unwrap_or_default(),
            Source::Kind => Cow::Borrowed(live.kind()),
            Source::Noun => Cow::Owned(live.kind().to_lowercase()),
            Source::Group => Cow::Borrowed(live.group()),
            Source::Name => Cow::Borrowed(live.name()),
        }
    }
}

fn of_type<'a>(live: &Live<'a>, kind: &'a str) -> impl Iterator<Item = Condition<'a>> {
    live.conditions().filter(move |c| kind == "*" || c.kind() == kind)
}

impl Test {
    fn holds(&self, live: &Live<'_>) -> bool {
        match self {
            Test::Stale => live.is_stale(),
            Test::StaleCondition => {
                let latest = live.maybe_int("metadata.generation");
                live.conditions().any(|c| matches!((c.observed(), latest), (Some(seen), Some(latest)) if seen < latest))
            }
            Test::Deleting => live.has("metadata.deletionTimestamp"),
            Test::Field { path, expected } => expected.holds(live.at(path).map(text).as_deref()),
            Test::Empty { path, empty } => *empty == live.at(path).is_none_or(is_empty),
            Test::Compare { left, order, right } => {
                let number = |path: &str| live.at(path).and_then(|v| text(v).parse::<f64>().ok()).unwrap_or(0.0);
                let right = match right {
                    Operand::Number(n) => *n,
                    Operand::Field(path) => number(path),
                };
                order.holds(number(left), right)
            }
            Test::Condition { kind, field, expected: Expected::Absent } => of_type(live, kind).all(|c| c.field(field).is_none()),
            Test::Condition { kind, field, expected } => of_type(live, kind).any(|c| expected.holds(c.field(field).as_deref())),
        }
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::List(list) => list.is_empty(),
        Value::Map(map) => map.is_empty(),
        value => text(value).is_empty(),
    }
}

impl Order {
    fn holds(self, left: f64, right: f64) -> bool {
        match self {
            Order::Less => left < right,
            Order::LessOrEqual => left <= right,
            Order::Equal => left == right,
            Order::GreaterOrEqual => left >= right,
            Order::Greater => left > right,
        }
    }
}

impl Expected {
    fn holds(&self, found: Option<&str>) -> bool {
        match self {
            Expected::Present => found.is_some(),
            Expected::Absent => found.is_none(),
            Expected::OneOf(all) => found.is_some_and(|f| all.iter().any(|a| a == f)),
            Expected::NoneOf(all) => found.is_none_or(|f| all.iter().all(|a| a != f)),
            Expected::Like(all) => found.is_some_and(|f| all.iter().any(|a| glob::matches(a, f))),
        }
    }
}

fn rule(line: &str) -> Result<Rule, String> {
    let (status, rest) = line.split_once(' ').ok_or("expected a status and a quoted message")?;
    let status = HealthStatus::parse(status).ok_or("not a health status")?;
    let rest = rest.trim_start().strip_prefix('"').ok_or("the message must be quoted")?;
    let end = rest.find('"').ok_or("the message has no end")?;
    let (message, rest) = (&rest[..end], rest[end + 1..].trim());
    let when = if rest.is_empty() {
        Vec::new()
    } else {
        let tests = rest.strip_prefix("if ").ok_or("expected `if` after the message")?;
        let groups = tests.split(" or ").map(|group| group.split(" and ").map(|t| test(t.trim())).collect());
        groups.collect::<Result<Vec<Vec<Test>>, String>>()?
    };
    Ok(Rule { status, message: pieces(message)?, when })
}

fn pieces(message: &str) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut rest = message;
    while let Some(start) = rest.find('{') {
        let end = start + rest[start..].find('}').ok_or("`{` without `}`")?;
        pieces.push(Piece::Text(rest[..start].replace("\\n", "\n")));
        pieces.push(Piece::Reference(rest[start + 1..end].split('|').map(source).collect()));
        rest = &rest[end + 1..];
    }
    pieces.push(Piece::Text(rest.replace("\\n", "\n")));
    Ok(pieces)
}

fn source(text: &str) -> Source {
    match text {
        "kind" => Source::Kind,
        "noun" => Source::Noun,
        "group" => Source::Group,
        "name" => Source::Name,
        _ => match (text.strip_prefix('.'), text.strip_prefix('@')) {
            (Some(path), _) => Source::Field(path.to_owned()),
            (_, Some(condition)) => {
                let (kind, field) = type_and_field(condition, "message");
                Source::Condition { kind, field }
            }
            _ => Source::Literal(text.to_owned()),
        },
    }
}

/// `Ready.reason`; types may contain dots themselves (`platform.example/app-ready`), so only known field names end one.
fn type_and_field(text: &str, default: &str) -> (String, String) {
    match text.rsplit_once('.') {
        Some((kind, field @ ("status" | "reason" | "message" | "severity"))) => (kind.to_owned(), field.to_owned()),
        _ => (text.to_owned(), default.to_owned()),
    }
}

fn test(text: &str) -> Result<Test, String> {
    match text {
        "stale" => return Ok(Test::Stale),
        "stale @" => return Ok(Test::StaleCondition),
        "deleting" => return Ok(Test::Deleting),
        _ => {}
    }
    for (start, empty) in [("empty .", true), ("!empty .", false)] {
        if let Some(path) = text.strip_prefix(start) {
            return Ok(Test::Empty { path: path.to_owned(), empty });
        }
    }
    let (absent, body) = text.strip_prefix('!').map_or((false, text), |rest| (true, rest));
    let end = body.find(['=', '!', '~', '<', '>']).unwrap_or(body.len());
    let (name, operator) = (&body[..end], &body[end..]);
    if let Some((order, right)) = comparison(operator) {
        let left = name.strip_prefix('.').ok_or("only fields are compared by number")?.to_owned();
        let right = match right.strip_prefix('.') {
            Some(path) => Operand::Field(path.to_owned()),
            None => Operand::Number(right.parse().map_err(|_| "neither a number nor a field on the right")?),
        };
        return Ok(Test::Compare { left, order, right });
    }
    let values = |list: &str| list.split('|').map(str::to_owned).collect();
    let expected = if absent {
        Expected::Absent
    } else if operator.is_empty() {
        Expected::Present
    } else if let Some(list) = operator.strip_prefix("!=") {
        Expected::NoneOf(values(list))
    } else if let Some(list) = operator.strip_prefix('=') {
        Expected::OneOf(values(list))
    } else if let Some(list) = operator.strip_prefix('~') {
        Expected::Like(values(list))
    } else {
        return Err(format!("`{operator}` is not an operator"));
    };
    if let Some(path) = name.strip_prefix('.') {
        return Ok(Test::Field { path: path.to_owned(), expected });
    }
    let (kind, field) = type_and_field(name.strip_prefix('@').ok_or("a test begins with `.`, `@` or `!`")?, "status");
    Ok(Test::Condition { kind, field, expected })
}

fn comparison(operator: &str) -> Option<(Order, &str)> {
    let orders =
        [("<=", Order::LessOrEqual), (">=", Order::GreaterOrEqual), ("==", Order::Equal), ("<", Order::Less), (">", Order::Greater)];
    orders.into_iter().find_map(|(sign, order)| operator.strip_prefix(sign).map(|right| (order, right)))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use gitops_manifest::json;

    use super::*;

    #[test]
    fn the_shipped_rules_are_read() {
        let mut book = RuleBook::default();
        for (file, content) in SHIPPED {
            if let Err(error) = book.read(file, content) {
                panic!("{}", error.text);
            }
        }
        assert!(book.chapters.iter().all(|c| !c.rules.is_empty()), "a kind without rules");
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        for (line, expected) in [
            ("Fine \"\"", "not a health status"),
            ("Healthy ok", "quoted"),
            ("Healthy \"ok\" when .a", "expected `if`"),
            ("Healthy \"ok\" if a=b", "begins with"),
            ("Healthy \"{a\"", "without `}`"),
            ("Healthy \"\" if .a<b", "neither a number"),
        ] {
            let error = RuleBook::default().read("x.rules", &format!("kind a/B\n{line}")).unwrap_err();
            assert!(error.text.starts_with("x.rules:2: ") && error.text.contains(expected), "{}", error.text);
        }
    }

    #[test]
    fn the_first_rule_that_fits_decides() {
        let mut book = RuleBook::default();
        let rules = "kind a.b/*\nHealthy \"{kind} {.status.n} of {.spec.n|none}\" if .status.n>=2 and !.spec.off or @X.reason~Good*\nready T \"waiting\"";
        book.read("x.rules", rules).unwrap();
        for (status, expected) in [
            (r#"{"n": 2}"#, "Healthy Foo 2 of none"),
            (r#"{"conditions": [{"type": "X", "reason": "GoodOne"}]}"#, "Healthy Foo  of none"),
            (r#"{"conditions": [{"type": "T", "status": "False", "message": "no"}]}"#, "Degraded no"),
            ("{}", "Progressing waiting"),
        ] {
            let object = json::parse(format!(r#"{{"apiVersion": "a.b/v1", "kind": "Foo", "status": {status}}}"#).as_bytes(), "t").unwrap();
            let health = book.health(&Live::new(&object)).unwrap();
            assert_eq!(format!("{} {}", health.status, health.message), expected);
        }
    }
}
