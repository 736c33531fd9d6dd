//! What SOPS writes about a file: who can decrypt it, the MAC, and the rule.

use crate::item::Item;
use crate::key::{KeyKind, MasterKey};
use crate::rule::Rule;

/// The `sops` entry of a file.
#[derive(Debug)]
pub(crate) struct Metadata {
    /// One group: any key of it opens the file. Several: each holds a share of the data key.
    pub(crate) groups: Vec<Vec<MasterKey>>,
    /// How many shares are needed; 0 is all.
    pub(crate) threshold: usize,
    pub(crate) last_modified: String,
    pub(crate) mac: String,
    pub(crate) rule: Rule,
    pub(crate) mac_only_encrypted: bool,
}

impl Metadata {
    pub(crate) fn parse(item: &Item) -> Result<Metadata, String> {
        let text = |key: &str| item.get(key).and_then(Item::as_text).unwrap_or_default();
        let one = group(item);
        let groups = if one.is_empty() {
            item.get("key_groups").map(Item::items).unwrap_or_default().iter().map(group).collect()
        } else {
            vec![one]
        };
        if groups.iter().all(Vec::is_empty) {
            return Err("its metadata names no key".to_owned());
        }
        let (mac, last_modified) = (text("mac"), text("lastmodified"));
        if mac.is_empty() || last_modified.is_empty() {
            return Err("its metadata has no mac or no lastmodified".to_owned());
        }
        let threshold = text("shamir_threshold");
        let threshold = if threshold.is_empty() { Ok(0) } else { threshold.parse() };
        Ok(Metadata {
            groups,
            threshold: threshold.map_err(|_| "shamir_threshold is not a number")?,
            last_modified,
            mac,
            rule: Rule::parse(item)?,
            mac_only_encrypted: matches!(text("mac_only_encrypted").as_str(), "true" | "True" | "1"),
        })
    }
}

/// The keys of one group, in SOPS's order.
fn group(item: &Item) -> Vec<MasterKey> {
    let mut keys = Vec::new();
    for kind in KeyKind::ALL {
        for written in item.get(kind.field()).map(Item::items).unwrap_or_default() {
            let Item::Map(entries) = written else { continue };
            let fields = entries.iter().filter_map(|e| Some((e.key.clone()?, e.value.as_text()?)));
            keys.push(MasterKey::new(kind, fields.collect()));
        }
    }
    keys
}
