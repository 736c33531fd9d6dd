//! What a user sets: values files one over the other, then `--set-json`, `--set`, `--set-string`, `--set-file` and
//! `--set-literal`, in this order as Helm applies them.

use gitops_manifest::yaml::{DuplicateKeys, ParseOptions};

use super::set::Reading;
use super::{Table, Val, literal, set};
use crate::document;

/// Values for a chart. Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Values(pub(crate) Table);

/// Reads the file that a `--set-file` names.
pub type FileReader<'r> = dyn FnMut(&str) -> Result<Vec<u8>, String> + 'r;

/// Why values could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ValuesError {
    /// Not YAML.
    #[error("failed to parse {file}: error converting YAML to JSON: yaml: {reason}")]
    Yaml {
        /// The file.
        file: String,
        /// Where and why.
        reason: String,
    },
    /// Not a map.
    #[error(
        "failed to parse {file}: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {found} into Go value of type map[string]interface {{}}"
    )]
    NotAMap {
        /// The file.
        file: String,
        /// What stands there, in JSON's words.
        found: &'static str,
    },
    /// An assignment that is none.
    #[error("failed parsing {flag} data: {reason}")]
    Assignment {
        /// `--set` or another.
        flag: &'static str,
        /// Why, naming the key.
        reason: String,
    },
}

impl Values {
    /// Reads a values file (the first document of it), which `file` names in errors.
    ///
    /// # Errors
    /// When it is no YAML, no map, or larger than `max_bytes`.
    pub fn from_yaml(text: &[u8], file: &str, max_bytes: usize) -> Result<Values, ValuesError> {
        let options = ParseOptions { duplicates: DuplicateKeys::LastWins, max_bytes, ..ParseOptions::default() };
        let value = document::first(text, file, &options).map_err(|reason| ValuesError::Yaml { file: file.to_owned(), reason })?;
        match &value {
            gitops_manifest::Value::Null => Ok(Values::default()),
            gitops_manifest::Value::Map(map) => Ok(Values(Table::from(map))),
            other => Err(ValuesError::NotAMap { file: file.to_owned(), found: document::go_kind(other) }),
        }
    }

    /// Takes values that were read already, as if from a file: every number is a float. What is no map is empty.
    #[must_use]
    pub fn from_value(value: &gitops_manifest::Value) -> Values {
        match Val::from_manifest(value) {
            Val::Table(table) => Values(table),
            _ => Values::default(),
        }
    }

    /// Puts `over` over these: tables are merged, everything else is replaced.
    pub fn merge(&mut self, over: &Values) {
        merge(&mut self.0, &over.0);
    }

    /// `--set`
    ///
    /// # Errors
    /// When `text` is no assignment.
    pub fn set(&mut self, text: &str) -> Result<(), ValuesError> {
        self.assign("--set", |table| set::set(text, table, Reading::Typed))
    }

    /// `--set-string`
    ///
    /// # Errors
    /// As [`Values::set`].
    pub fn set_string(&mut self, text: &str) -> Result<(), ValuesError> {
        self.assign("--set-string", |table| set::set(text, table, Reading::Text))
    }

    /// `--set-json`
    ///
    /// # Errors
    /// As [`Values::set`].
    pub fn set_json(&mut self, text: &str) -> Result<(), ValuesError> {
        self.assign("--set-json", |table| set::set(text, table, Reading::Json))
    }

    /// `--set-literal`
    ///
    /// # Errors
    /// As [`Values::set`].
    pub fn set_literal(&mut self, text: &str) -> Result<(), ValuesError> {
        self.assign("--set-literal", |table| literal::set(text, table))
    }

    /// `--set-file`: what follows `=` names a file, whose content `read` gives.
    ///
    /// # Errors
    /// As [`Values::set`], and when `read` fails.
    pub fn set_file(&mut self, text: &str, read: &mut FileReader<'_>) -> Result<(), ValuesError> {
        let mut read = |name: &str| read(name).map(|bytes| Val::text(bytes.as_slice()));
        self.assign("--set-file", |table| set::set(text, table, Reading::File(&mut read)))
    }

    fn assign(&mut self, flag: &'static str, set: impl FnOnce(&mut Table) -> Result<(), String>) -> Result<(), ValuesError> {
        set(&mut self.0).map_err(|reason| ValuesError::Assignment { flag, reason })
    }
}

fn merge(under: &mut Table, over: &Table) {
    for (key, value) in over.iter() {
        match (under.get(key), value) {
            (Some(Val::Table(_)), Val::Table(value)) => {
                if let Val::Table(inner) = under.entry(key) {
                    merge(inner, value);
                }
            }
            _ => under.insert(key.clone(), value.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(values: &Values) -> String {
        Val::Table(values.0.clone()).to_json().to_string()
    }

    fn set(texts: &[&str]) -> Result<String, String> {
        let mut values = Values::default();
        for text in texts {
            values.set(text).map_err(|e| e.to_string())?;
        }
        Ok(shown(&values))
    }

    #[test]
    fn assignments_as_helm_types_them() {
        let ok = |texts: &[&str], want: &str| assert_eq!(set(texts).as_deref(), Ok(want), "{texts:?}");
        ok(&["a=1,b=1.5,c=010,d=0,e=-3,f=TRUE,g=null,h="], r#"{"a":1,"b":"1.5","c":"010","d":0,"e":-3,"f":true,"g":null,"h":""}"#);
        ok(&["a.b.c=x,a.b.d={1,x}", "a.e={}"], r#"{"a":{"b":{"c":"x","d":[1,"x"]},"e":[""]}}"#);
        ok(&["a[1].b=2", "a[0][1]=3"], r#"{"a":[[null,3],{"b":2}]}"#);
        ok(&[r"a\.b=x\,y"], r#"{"a.b":"x,y"}"#);
        ok(&["a[0]"], r#"{"a":[]}"#);
        ok(&["a="], r#"{"a":""}"#);
    }

    #[test]
    fn what_is_no_assignment_is_said_with_its_key() {
        let wrong = |text: &str, want: &str| {
            let message = set(&[text]).expect_err(text);
            assert!(message.ends_with(want), "{text}: {message}");
        };
        wrong("a", "key \"a\" has no value");
        wrong("a,b=1", "key \"a\" has no value (cannot end with ,)");
        wrong("a[-1]=x", "negative -1 index not allowed");
        wrong("a[0=x", "error parsing index: EOF");
        wrong("a[70000]=x", "index of 70000 is greater than maximum supported index of 65536");
        wrong("a={1", "list must terminate with '}'");
        wrong("a.=,b=1", "key map \"a\" has no value");
        wrong("a=1,a.b=2", "unable to parse key: interface conversion: interface {} is int64, not map[string]interface {}");
        wrong(&format!("{}=1", vec!["a"; 32].join(".")), "maximum supported nested level of 30");
    }

    #[test]
    fn the_other_flags() {
        let mut v = Values::default();
        v.set_json(r#"a={"b": [1, null]},c="x" ,d="#).expect("json");
        v.set_string("e=1,f=null").expect("string");
        v.set_literal("g.h=a,b\\=c").expect("literal");
        v.set_file("i=some/file", &mut |name| Ok(format!("<{name}>").into_bytes())).expect("file");
        assert_eq!(shown(&v), r#"{"a":{"b":[1,null]},"c":"x","d":null,"e":"1","f":"null","g":{"h":"a,b\\=c"},"i":"<some/file>"}"#);
    }

    #[test]
    fn files_are_merged_and_null_stays() {
        let yaml = |text: &str| Values::from_yaml(text.as_bytes(), "values.yaml", 1000).expect("yaml");
        let mut v = yaml("a: {x: 1, v: {z: 2}}\nb: [1]\n---\nnot: this\n");
        v.merge(&yaml("a: {v: null, w: on}\nb: [2, 3]"));
        assert_eq!(shown(&v), r#"{"a":{"v":null,"w":true,"x":1},"b":[2,3]}"#);
        assert!(Values::from_yaml(b"- a", "v.yaml", 1000).is_err());
        assert!(Values::from_yaml(&[b'#'; 2000], "v.yaml", 1000).is_err());
    }
}
