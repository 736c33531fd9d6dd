//! Label selectors: `app=web,tier in (front, back),!old,cpus>4`, as Kubernetes reads them.

/// What is demanded of one label.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Requirement {
    key: String,
    demand: Demand,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Demand {
    In(Vec<String>),
    NotIn(Vec<String>),
    Exists,
    Missing,
    Above(i64),
    Below(i64),
}

/// Why a label selector cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{selector}`: {message}")]
pub struct LabelSelectorError {
    /// The whole selector.
    pub selector: String,
    /// What is wrong with it.
    pub message: String,
}

/// Demands that all must be met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LabelSelector(Vec<Requirement>);

impl LabelSelector {
    /// Nothing selects everything.
    pub(crate) fn parse(text: &str) -> Result<LabelSelector, LabelSelectorError> {
        let mut parser = Parser { tokens: tokens(text), at: 0 };
        parser.requirements().map(LabelSelector).map_err(|message| LabelSelectorError { selector: text.to_owned(), message })
    }

    /// Whether labels meet the demands; `label` looks one up.
    pub(crate) fn matches<'l>(&self, label: impl Fn(&str) -> Option<&'l str>) -> bool {
        self.0.iter().all(|requirement| {
            let value = label(&requirement.key);
            let number = || value.and_then(|value| value.parse::<i64>().ok());
            match &requirement.demand {
                Demand::In(values) => value.is_some_and(|value| values.iter().any(|v| v == value)),
                Demand::NotIn(values) => value.is_none_or(|value| values.iter().all(|v| v != value)),
                Demand::Exists => value.is_some(),
                Demand::Missing => value.is_none(),
                Demand::Above(limit) => number().is_some_and(|number| number > *limit),
                Demand::Below(limit) => number().is_some_and(|number| number < *limit),
            }
        })
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Symbol(&'static str),
    Unknown(String),
    End,
}

const SYMBOLS: &[&str] = &["==", "!=", "=", "!", "(", ")", ",", ">", "<"];

fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches([' ', '\t', '\r', '\n']);
        let Some(first) = rest.chars().next() else { break };
        if let Some(symbol) = SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol)) {
            tokens.push(Token::Symbol(symbol));
            rest = &rest[symbol.len()..];
            continue;
        }
        let end = rest.find(|c: char| c == '\0' || "=!(),>< \t\r\n".contains(c)).unwrap_or(rest.len());
        let (word, left) = rest.split_at(end.max(if first == '\0' { 1 } else { 0 }));
        tokens.push(if first == '\0' { Token::Unknown(word.to_owned()) } else { Token::Word(word.to_owned()) });
        rest = left;
    }
    tokens.push(Token::End);
    tokens
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
}

impl Parser {
    fn peek(&self) -> &Token {
        self.tokens.get(self.at).unwrap_or(&Token::End)
    }

    fn next(&mut self) -> Token {
        let token = self.peek().clone();
        self.at += 1;
        token
    }

    fn eat(&mut self, symbol: &str) -> bool {
        let found = matches!(self.peek(), Token::Symbol(s) if *s == symbol);
        self.at += usize::from(found);
        found
    }

    fn requirements(&mut self) -> Result<Vec<Requirement>, String> {
        let mut requirements = Vec::new();
        if *self.peek() == Token::End {
            return Ok(requirements);
        }
        loop {
            requirements.push(self.requirement()?);
            match self.next() {
                Token::End => return Ok(requirements),
                Token::Symbol(",") => {}
                other => return Err(format!("{} where `,` or the end should be", words(&other))),
            }
        }
    }

    fn requirement(&mut self) -> Result<Requirement, String> {
        let missing = self.eat("!");
        let Token::Word(key) = self.next() else {
            return Err(format!("{} where a label's key should be", words(&self.tokens[self.at - 1])));
        };
        check_key(&key)?;
        let ends = matches!(self.peek(), Token::End | Token::Symbol(","));
        let demand = match (missing, ends) {
            (true, _) => Demand::Missing,
            (false, true) => Demand::Exists,
            (false, false) => self.demand()?,
        };
        if let Demand::In(values) | Demand::NotIn(values) = &demand {
            values.iter().try_for_each(|value| check_value(value))?;
        }
        Ok(Requirement { key, demand })
    }

    fn demand(&mut self) -> Result<Demand, String> {
        let number = |text: String| text.parse::<i64>().map_err(|_| format!("`{text}` is no whole number"));
        match self.next() {
            Token::Symbol("=" | "==") => self.value().map(|value| Demand::In(vec![value])),
            Token::Symbol("!=") => self.value().map(|value| Demand::NotIn(vec![value])),
            Token::Symbol(">") => self.value().and_then(number).map(Demand::Above),
            Token::Symbol("<") => self.value().and_then(number).map(Demand::Below),
            Token::Word(word) if word == "in" => self.values().map(Demand::In),
            Token::Word(word) if word == "notin" => self.values().map(Demand::NotIn),
            other => Err(format!("{} where `=`, `==`, `!=`, `in` or `notin` should be", words(&other))),
        }
    }

    fn value(&mut self) -> Result<String, String> {
        match self.peek().clone() {
            Token::End | Token::Symbol(",") => Ok(String::new()),
            Token::Word(word) => {
                self.at += 1;
                Ok(word)
            }
            other => Err(format!("{} where a value should be", words(&other))),
        }
    }

    fn values(&mut self) -> Result<Vec<String>, String> {
        if !self.eat("(") {
            return Err(format!("{} where `(` should be", words(self.peek())));
        }
        let mut values = Vec::new();
        loop {
            // Nothing between commas is the empty value.
            values.push(match self.peek() {
                Token::Word(word) => word.clone(),
                Token::Symbol("," | ")") => String::new(),
                other => return Err(format!("{} where a value, `,` or `)` should be", words(other))),
            });
            self.at += usize::from(matches!(self.peek(), Token::Word(_)));
            match self.next() {
                Token::Symbol(",") => {}
                Token::Symbol(")") => return Ok(values),
                other => return Err(format!("{} where `,` or `)` should be", words(&other))),
            }
        }
    }
}

fn words(token: &Token) -> String {
    match token {
        Token::Word(word) | Token::Unknown(word) => format!("`{word}`"),
        Token::Symbol(symbol) => format!("`{symbol}`"),
        Token::End => "the end".to_owned(),
    }
}

/// A key is a name, or a DNS domain, `/` and a name.
fn check_key(key: &str) -> Result<(), String> {
    let (domain, name) = match key.split_once('/') {
        Some((domain, name)) => (Some(domain), name),
        None => (None, key),
    };
    let label = |label: &str| {
        let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let ends = label.bytes().next().is_some_and(inner) && label.bytes().next_back().is_some_and(inner);
        ends && label.bytes().all(|b| inner(b) || b == b'-')
    };
    if domain.is_some_and(|domain| domain.len() > 253 || !domain.split('.').all(label)) {
        return Err(format!("`{key}` is no label's key: what is before `/` must be a lower-case DNS domain"));
    }
    if name.is_empty() || !is_name(name) {
        return Err(format!("`{key}` is no label's key: at most 63 letters, digits, `-`, `_` and `.`, a letter or digit at both ends"));
    }
    Ok(())
}

fn check_value(value: &str) -> Result<(), String> {
    if value.is_empty() || is_name(value) {
        return Ok(());
    }
    Err(format!("`{value}` is no label's value: at most 63 letters, digits, `-`, `_` and `.`, a letter or digit at both ends"))
}

fn is_name(name: &str) -> bool {
    let ends = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_alphanumeric());
    let inner = name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    name.len() <= 63 && inner && ends(name.bytes().next()) && ends(name.bytes().next_back())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selected(selector: &str, labels: &[(&str, &str)]) -> bool {
        let selector = LabelSelector::parse(selector).expect("a selector");
        selector.matches(|key| labels.iter().find(|(k, _)| *k == key).map(|(_, value)| *value))
    }

    #[test]
    fn demands() {
        let web = [("app", "web"), ("tier", "front"), ("cpus", "4"), ("empty", "")];
        for yes in [
            "",
            "app=web",
            "app==web",
            "app != db",
            "app",
            "!old",
            "tier in (front, back)",
            "tier notin (back)",
            "cpus>3",
            "cpus < 5",
            "app=web,tier=front",
            "empty=",
            "empty",
            "old!=x",
            "old notin (x)",
            "empty in ()",
            "empty in (a,)",
            "in notin (in)",
        ] {
            assert!(selected(yes, &web), "{yes}");
        }
        for no in ["app=db", "!app", "old", "tier in (back)", "cpus>4", "tier>1", "app=web,old", "app="] {
            assert!(!selected(no, &web), "{no}");
        }
    }

    #[test]
    fn errors_say_what_is_wrong() {
        for (selector, message) in [
            ("app web", "`web` where `=`, `==`, `!=`, `in` or `notin` should be"),
            ("app=web,", "the end where a label's key should be"),
            ("app=(", "`(` where a value should be"),
            ("a in b", "`b` where `(` should be"),
            ("a in (b", "the end where `,` or `)` should be"),
            ("a>b", "`b` is no whole number"),
            ("-a", "`-a` is no label's key: at most 63 letters, digits, `-`, `_` and `.`, a letter or digit at both ends"),
            ("a=b:c", "`b:c` is no label's value: at most 63 letters, digits, `-`, `_` and `.`, a letter or digit at both ends"),
            ("A/b", "`A/b` is no label's key: what is before `/` must be a lower-case DNS domain"),
            ("!a=b", "`=` where `,` or the end should be"),
        ] {
            let found = LabelSelector::parse(selector).expect_err(selector);
            assert_eq!(found.message, message);
        }
    }
}
