//! Label selectors, over labels and over parameters. Values are compared as texts, without Kubernetes' limits on them.

use std::collections::BTreeMap;

use gitops_manifest::{Map, Value};

/// A selector that was read. All its conditions must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Selector(Vec<Condition>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Condition {
    key: String,
    operator: Operator,
    values: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    In,
    NotIn,
    Exists,
    DoesNotExist,
}

impl Selector {
    /// Reads `{matchLabels, matchExpressions}`; nothing is the selector that everything matches.
    pub(crate) fn read(value: Option<&Value>) -> Result<Selector, String> {
        let Some(value) = value else { return Ok(Selector::default()) };
        let mut conditions = Vec::new();
        for (key, wanted) in value.get("matchLabels").and_then(Value::as_map).into_iter().flat_map(Map::iter) {
            let values = vec![wanted.as_str().unwrap_or_default().to_owned()];
            conditions.push(Condition { key: key.as_str().to_owned(), operator: Operator::In, values });
        }
        for expression in value.get("matchExpressions").and_then(Value::as_list).unwrap_or(&[]) {
            let values = expression.get("values").and_then(Value::as_list).unwrap_or(&[]);
            let values: Vec<String> = values.iter().filter_map(Value::as_str).map(str::to_owned).collect();
            let key = expression.str_at(&["key"]).unwrap_or("").to_owned();
            let name = expression.str_at(&["operator"]).unwrap_or("");
            let operator = match name {
                "In" => Operator::In,
                "NotIn" => Operator::NotIn,
                "Exists" => Operator::Exists,
                "DoesNotExist" => Operator::DoesNotExist,
                _ => return Err(format!("selector: `{name}` is no operator; use In, NotIn, Exists or DoesNotExist")),
            };
            match operator {
                Operator::In | Operator::NotIn if values.is_empty() => {
                    return Err(format!("selector: {name} of `{key}` needs `values`"));
                }
                Operator::Exists | Operator::DoesNotExist if !values.is_empty() => {
                    return Err(format!("selector: {name} of `{key}` takes no `values`"));
                }
                _ => conditions.push(Condition { key, operator, values }),
            }
        }
        Ok(Selector(conditions))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `labels` meet every condition. A label that is missing is not in any list.
    pub(crate) fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.0.iter().all(|c| {
            let label = labels.get(&c.key);
            let listed = label.is_some_and(|l| c.values.contains(l));
            match c.operator {
                Operator::In => listed,
                Operator::NotIn => !listed,
                Operator::Exists => label.is_some(),
                Operator::DoesNotExist => label.is_none(),
            }
        })
    }
}
