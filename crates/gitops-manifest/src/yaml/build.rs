//! Builds `Value`s from events: resolves scalars, finds equal keys, expands aliases and merge keys within their budget.
//!
//! Merge keys: under `Yaml11` go-yaml v2's order (a later `<<` overrides an earlier key), under `GoYaml3` a key that is
//! written always wins. A merged key that is written too is not a duplicate.

use std::collections::{HashMap, HashSet};

use super::event::{Properties, Scalar, Sink, Step, refuse};
use super::node::ScalarStyle;
use super::resolve::{key_text, resolve};
use super::{DuplicateKeys, ParseOptions, Schema};
use crate::{Map, Str, Value};

/// A document and the offset of its first content.
pub(crate) type Built = (Value, usize);

/// Two offsets of one key, first and second.
pub(crate) struct Duplicate {
    pub(crate) key: String,
    pub(crate) first: usize,
    pub(crate) second: usize,
}

struct Entry {
    key: Str,
    at: usize,
    value: Value,
}

struct Frame {
    map: bool,
    /// Where its entries or items begin on their stack.
    start: usize,
    anchor: usize,
    merges: bool,
}

/// See the module.
pub(crate) struct ValueBuilder<'o> {
    options: &'o ParseOptions,
    max_depth: usize,
    frames: Vec<Frame>,
    entries: Vec<Entry>,
    items: Vec<Value>,
    root: Option<Value>,
    root_at: usize,
    anchors: HashMap<usize, (Value, usize)>,
    alias_weight: usize,
    pub(crate) documents: Vec<Built>,
    pub(crate) duplicates: Vec<Duplicate>,
    /// Offsets of `<<` keys that merge in maps that are still open.
    merge_keys: HashSet<usize>,
}

/// Beyond this, dropping and walking a value could use up a thread's stack.
pub(crate) const DEEPEST: usize = 1000;

impl<'o> ValueBuilder<'o> {
    pub(crate) fn new(options: &'o ParseOptions) -> ValueBuilder<'o> {
        ValueBuilder {
            options,
            max_depth: options.max_depth.min(DEEPEST),
            frames: Vec::new(),
            entries: Vec::new(),
            items: Vec::new(),
            root: None,
            root_at: 0,
            anchors: HashMap::new(),
            alias_weight: 0,
            documents: Vec::new(),
            duplicates: Vec::new(),
            merge_keys: HashSet::new(),
        }
    }

    #[inline]
    pub(crate) fn value(&mut self, value: Value) {
        match self.frames.last() {
            Some(frame) if frame.map => {
                if let Some(entry) = self.entries.last_mut() {
                    entry.value = value;
                }
            }
            Some(_) => self.items.push(value),
            None => self.root = Some(value),
        }
    }

    fn open(&mut self, at: usize, map: bool, anchor: usize) -> Step {
        if self.frames.len() >= self.max_depth {
            return refuse(at, format!("nested deeper than {} levels: flatten it, or raise the limit", self.max_depth));
        }
        let start = if map { self.entries.len() } else { self.items.len() };
        self.frames.push(Frame { map, start, anchor, merges: false });
        Ok(())
    }

    fn close(&mut self, at: usize, value: Value, anchor: usize) -> Step {
        if anchor != 0 {
            self.remember(at, &value, anchor)?;
        }
        self.value(value);
        Ok(())
    }

    fn charge(&mut self, at: usize, weight: usize) -> Step {
        self.alias_weight = self.alias_weight.saturating_add(weight);
        if self.alias_weight > self.options.max_alias_values {
            let limit = self.options.max_alias_values;
            return refuse(at, format!("anchors and aliases expand to more than {limit} values: write the values out, or raise the limit"));
        }
        Ok(())
    }

    fn remember(&mut self, at: usize, value: &Value, anchor: usize) -> Step {
        let weight = weight(value);
        self.charge(at, weight)?;
        self.anchors.insert(anchor, (value.clone(), weight));
        Ok(())
    }

    /// Adds the entry's key; used by the JSON reader, whose keys need no resolving.
    #[inline]
    pub(crate) fn plain_key(&mut self, at: usize, key: Str) {
        self.entries.push(Entry { key, at, value: Value::Null });
    }

    fn finish_map(&mut self, start: usize) -> Step<Map> {
        let tail = &mut self.entries[start..];
        let mut equal = false;
        if !tail.is_sorted_by(|a, b| a.key < b.key) {
            tail.sort_by(|a, b| a.key.as_str().cmp(b.key.as_str()));
            for i in 1..tail.len() {
                if tail[i - 1].key == tail[i].key {
                    equal = true;
                    let (first, second) = (tail[i - 1].at, tail[i].at);
                    self.duplicates.push(Duplicate { key: tail[i].key.to_string(), first, second });
                    if self.options.duplicates == DuplicateKeys::Refuse {
                        return refuse(second, "duplicate key");
                    }
                }
            }
        }
        let entries = self.entries.drain(start..).map(|e| (e.key, e.value)).collect();
        // Of equal keys the last wins.
        Ok(if equal { Map::from_entries(entries) } else { Map::from_sorted(entries) })
    }

    fn merge(&mut self, start: usize) -> Step<Map> {
        let entries: Vec<Entry> = self.entries.drain(start..).collect();
        let (mut out, mut merged) = (HashMap::<Str, Value>::new(), Vec::new());
        let mut explicit: HashMap<Str, usize> = HashMap::new();
        for entry in entries {
            if self.merge_keys.contains(&entry.at) && entry.key == "<<" {
                let maps = merge_sources(entry.at, entry.value)?;
                if self.options.schema == Schema::Yaml11 {
                    out.extend(maps.into_iter().flatten());
                } else {
                    merged.extend(maps.into_iter().flatten());
                }
                continue;
            }
            if let Some(first) = explicit.insert(entry.key.clone(), entry.at) {
                self.duplicates.push(Duplicate { key: entry.key.to_string(), first, second: entry.at });
                if self.options.duplicates == DuplicateKeys::Refuse {
                    return refuse(entry.at, "duplicate key");
                }
            }
            out.insert(entry.key, entry.value);
        }
        let mut all = merged;
        all.extend(out);
        Ok(Map::from_entries(all))
    }
}

/// Maps to merge, the one that wins last.
fn merge_sources(at: usize, value: Value) -> Step<Vec<Map>> {
    const WANTED: &str = "`<<` wants a map or a list of maps: quote the key if it is only a name";
    match value {
        Value::Map(map) => Ok(vec![map]),
        Value::List(list) => {
            let maps = list.into_iter().rev().map(|v| if let Value::Map(m) = v { Ok(m) } else { refuse(at, WANTED) });
            maps.collect()
        }
        _ => refuse(at, WANTED),
    }
}

/// How many values, long strings counting for more.
fn weight(value: &Value) -> usize {
    match value {
        Value::String(s) => 1 + s.len() / 256,
        Value::List(l) => 1 + l.iter().map(weight).sum::<usize>(),
        Value::Map(m) => 1 + m.iter().map(|(k, v)| k.len() / 256 + weight(v)).sum::<usize>(),
        _ => 1,
    }
}

impl Sink for ValueBuilder<'_> {
    fn document_start(&mut self, at: usize) -> Step {
        self.root_at = at;
        self.root = None;
        self.anchors.clear();
        Ok(())
    }

    fn document_end(&mut self, empty: bool) -> Step {
        if let (Some(value), false) = (self.root.take(), empty) {
            self.documents.push((value, self.root_at));
        }
        Ok(())
    }

    fn map_start(&mut self, at: usize, properties: Properties) -> Step {
        self.open(at, true, properties.anchor)
    }

    fn map_end(&mut self) -> Step {
        let Some(frame) = self.frames.pop() else { return Ok(()) };
        let at = self.entries.get(frame.start).map_or(self.root_at, |e| e.at);
        let map = if frame.merges { self.merge(frame.start)? } else { self.finish_map(frame.start)? };
        self.close(at, Value::Map(map), frame.anchor)
    }

    fn list_start(&mut self, at: usize, properties: Properties) -> Step {
        self.open(at, false, properties.anchor)
    }

    fn list_end(&mut self) -> Step {
        let Some(frame) = self.frames.pop() else { return Ok(()) };
        let list: Vec<Value> = self.items.drain(frame.start..).collect();
        let at = self.root_at;
        self.close(at, Value::List(list), frame.anchor)
    }

    #[inline]
    fn key(&mut self, at: usize, key: Scalar<'_>) -> Step {
        if key.text == "<<" && key.style == ScalarStyle::Plain && key.tag.is_none() {
            self.merge_keys.insert(at);
            if let Some(frame) = self.frames.last_mut() {
                frame.merges = true;
            }
            self.plain_key(at, "<<".into());
            return Ok(());
        }
        let text = match key_text(&key, self.options.schema) {
            Ok(Some(text)) => Str::from(text),
            Ok(None) => Str::from(key.text.as_ref()),
            Err(message) => return refuse(at, message),
        };
        self.plain_key(at, text);
        Ok(())
    }

    #[inline]
    fn scalar(&mut self, at: usize, anchor: usize, scalar: Scalar<'_>) -> Step {
        let value = if scalar.style != ScalarStyle::Plain && scalar.tag.is_none() {
            match scalar.text {
                std::borrow::Cow::Borrowed(text) => Value::from(text),
                std::borrow::Cow::Owned(text) => Value::from(text),
            }
        } else {
            resolve(&scalar, self.options.schema).or_else(|message| refuse(at, message))?
        };
        self.close(at, value, anchor)
    }

    fn alias(&mut self, at: usize, anchor: usize) -> Step {
        let Some((_, weight)) = self.anchors.get(&anchor) else {
            return refuse(at, "an alias stands inside the value that it names: write the value out");
        };
        let weight = *weight;
        self.charge(at, weight)?;
        if let Some((value, _)) = self.anchors.get(&anchor) {
            let value = value.clone();
            self.value(value);
        }
        Ok(())
    }
}
