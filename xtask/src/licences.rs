//! Licences of the dependency tree, against the list in `deny.toml`.

use crate::metadata::packages;

pub(crate) fn wrong() -> Vec<String> {
    let allowed = allowed(&std::fs::read_to_string("deny.toml").unwrap_or_default());
    packages()
        .iter()
        .filter(|p| !p.member)
        .filter_map(|p| match &p.licence {
            Some(expression) if permitted(expression, &allowed) => None,
            Some(expression) => Some(format!("{} {}: licence `{expression}` is not on deny.toml's list", p.name, p.version)),
            None => Some(format!("{} {}: no licence is given", p.name, p.version)),
        })
        .collect()
}

fn allowed(deny: &str) -> Vec<String> {
    let list = deny.split_once("allow = [").and_then(|(_, rest)| rest.split_once(']')).map_or("", |(list, _)| list);
    list.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Whether an SPDX expression can be met: any side of an `OR`, every side of an `AND`. `/` is an old spelling of `OR`.
fn permitted(expression: &str, allowed: &[String]) -> bool {
    let expression = expression.replace('/', " OR ");
    let bare = |text: &str| text.trim().trim_matches(['(', ')']).trim().to_owned();
    // Parentheses hold an `OR` inside an `AND` in practice; splitting by `AND` first reads those right.
    expression.split(" AND ").all(|all| all.split(" OR ").any(|one| allowed.contains(&bare(one))))
        || expression.split(" OR ").any(|one| one.split(" AND ").all(|all| allowed.contains(&bare(all))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_read() {
        let list = allowed("allow = [\n \"MIT\",\n \"Apache-2.0\",\n]");
        assert!(permitted("MIT/Apache-2.0", &list));
        assert!(permitted("GPL-3.0 OR MIT", &list));
        assert!(permitted("(MIT OR GPL-3.0) AND Apache-2.0", &list));
        assert!(!permitted("MIT AND GPL-3.0", &list));
    }
}
