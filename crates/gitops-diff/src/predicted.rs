//! What live becomes by an apply, as far as a comparison tells: live, with the differences made good.

use gitops_manifest::Value;
use gitops_manifest::pointer::{self, Pointer};

use crate::compare::{Change, Difference};

/// `live` with these differences made good. They are those of [`crate::compare_owned`]: pointers lead through live's lists, and
/// what is added to a list goes to its end.
pub fn predicted(live: &Value, differences: &[Difference]) -> Value {
    let mut out = live.clone();
    let mut removed: Vec<Pointer> = Vec::new();
    for difference in differences {
        let Ok(pointer) = Pointer::parse(&difference.pointer) else { continue };
        match &difference.change {
            Change::Changed { to, .. } => _ = pointer.set(&mut out, to.clone()),
            Change::Added { value } => add(&mut out, pointer, value),
            Change::Removed { .. } => removed.push(pointer),
            Change::Reordered { .. } => {}
        }
    }
    // From the end, so that indexes stay those of live.
    removed.sort_by_cached_key(|p| p.tokens().iter().map(|t| (pointer::index(t), t.clone())).collect::<Vec<_>>());
    for pointer in removed.iter().rev() {
        let _gone_with_its_parent = pointer.remove(&mut out);
    }
    out
}

fn add(out: &mut Value, mut pointer: Pointer, value: &Value) {
    let Some(last) = pointer.pop() else { return };
    match pointer.get_mut(out) {
        Ok(Value::List(list)) => list.push(value.clone()),
        Ok(Value::Map(map)) => _ = map.insert(last, value.clone()),
        _ => {}
    }
}
