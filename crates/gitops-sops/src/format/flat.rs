//! Metadata of formats without lists and maps: `age__list_0__map_enc`.

use crate::item::{Entry, Item, Leaf, Scalar};

const MAP: &str = "__map_";
const LIST: &str = "__list_";

/// Nested metadata from flat names. Elements of lists are taken in the order of their numbers.
pub(super) fn unflatten(fields: impl IntoIterator<Item = (String, String)>) -> Item {
    let mut root = Item::Map(Vec::new());
    for (name, value) in fields {
        put(&mut root, &name, Item::Leaf(Leaf::new(Scalar::Text(value.into_bytes()))));
    }
    root
}

fn put(item: &mut Item, name: &str, value: Item) {
    let next = [name.find(MAP), name.find(LIST)].into_iter().flatten().min();
    let (first, rest) = name.split_at(next.unwrap_or(name.len()));
    let Item::Map(entries) = item else { return };
    let at = entries.iter().position(|e| e.key.as_deref() == Some(first)).unwrap_or_else(|| {
        entries.push(Entry { key: Some(first.to_owned()), value: Item::Map(Vec::new()) });
        entries.len() - 1
    });
    let slot = &mut entries[at].value;
    if rest.is_empty() {
        *slot = value;
    } else if let Some(rest) = rest.strip_prefix(MAP) {
        put(slot, rest, value);
    } else if let Some(rest) = rest.strip_prefix(LIST) {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        if matches!(slot, Item::Map(entries) if entries.is_empty()) {
            *slot = Item::List(Vec::new());
        }
        let Item::List(items) = slot else { return };
        let Ok(number) = rest[..digits].parse::<usize>() else { return };
        // SOPS writes elements one after the other; a number beyond the next one is none of its own.
        if number > items.len() {
            return;
        }
        if number == items.len() {
            items.push(Item::Map(Vec::new()));
        }
        match rest[digits..].strip_prefix(MAP) {
            Some(rest) => put(&mut items[number], rest, value),
            None => items[number] = value,
        }
    }
}
