//! Laying a chart's defaults under what is set above them, as Helm coalesces and merges.
//!
//! The two ways differ in what a null means. Merging keeps it; coalescing takes the key away where it hides a default.
//! Globals flow from a chart to its sub-charts. In Helm tables inside a global table are then one table in memory for
//! parent and sub-charts, so that a default of a sub-chart that is put into such a table shows in the parent and in its
//! other sub-charts too; charts are written against that, so it is kept: [`Sharing`] notes the places, and [`share`] makes
//! them equal at the end.

use gitops_template::Str;

use super::{Table, Val};

/// The key whose table sub-charts inherit.
pub(crate) const GLOBAL: &str = "global";

/// What to do with nulls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nulls {
    /// Coalescing: a null takes the default away, and itself.
    Remove,
    /// Merging: a null stays.
    Keep,
}

/// A chart as coalescing sees it.
pub(crate) trait Defaults: Sized {
    /// The name its values stand under in its parent's.
    fn name(&self) -> &Str;
    /// Its default values.
    fn defaults(&self) -> &Table;
    /// Its sub-charts.
    fn children(&self) -> impl Iterator<Item = &Self>;
}

/// A sub-chart has a value of its own name that is no table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NotATable {
    pub(crate) chart: Str,
    /// As Go prints a value with `%t`.
    pub(crate) found: String,
}

/// Tables inside global tables that parent and sub-chart hold in common, and the same for the sub-chart's sub-charts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sharing {
    chart: Str,
    /// Key in `global`, and key in the table there.
    places: Vec<(Str, Str)>,
    below: Vec<Sharing>,
}

/// The values of `chart` and all its sub-charts, `values` over the defaults.
pub(crate) fn coalesce<C: Defaults>(chart: &C, values: &Table, nulls: Nulls) -> Result<(Table, Vec<Sharing>), NotATable> {
    let mut values = values.clone();
    let mut sharing = whole(chart, &mut values, nulls)?;
    for s in &sharing {
        share(&mut values, s);
    }
    sharing.retain(|s| !s.is_empty());
    Ok((values, sharing))
}

fn whole<C: Defaults>(chart: &C, values: &mut Table, nulls: Nulls) -> Result<Vec<Sharing>, NotATable> {
    own(chart, values, nulls);
    let mut below = Vec::new();
    for child in chart.children() {
        let name = child.name();
        match values.get(name) {
            None => values.insert(name.clone(), Val::Table(Table::default())),
            Some(Val::Table(_)) => {}
            Some(other) => return Err(NotATable { chart: name.clone(), found: go_percent_t(other) }),
        }
        let global = values.get(GLOBAL).cloned();
        // Taken out while it is worked on, so that it is not shared and need not be copied.
        let Val::Table(mut inner) = std::mem::take(values.entry(name)) else { continue };
        let places = globals(&mut inner, global.as_ref());
        let outcome = whole(child, &mut inner, nulls);
        let sharing = outcome.map(|below| Sharing { chart: name.clone(), places, below });
        if let Ok(sharing) = &sharing {
            give_back(values, &inner, sharing);
        }
        *values.entry(name) = Val::Table(inner);
        below.push(sharing?);
    }
    Ok(below)
}

/// A chart's own defaults under its values.
fn own<C: Defaults>(chart: &C, values: &mut Table, nulls: Nulls) {
    if values.is_empty() {
        *values = chart.defaults().clone();
        return;
    }
    for (key, default) in chart.defaults().iter() {
        match values.get(key) {
            None => values.insert(key.clone(), default.clone()),
            Some(Val::Null) if nulls == Nulls::Remove => {
                values.remove(key);
            }
            Some(Val::Table(_)) => {
                if let Val::Table(default) = default {
                    // A sub-chart's own defaults come later: a null must wait for them.
                    let nulls = if chart.children().any(|c| c.name() == key) { Nulls::Keep } else { nulls };
                    tables(values, key, default, nulls);
                }
            }
            Some(_) => {}
        }
    }
}

fn tables(values: &mut Table, key: &Str, default: &Table, nulls: Nulls) {
    // Without a difference nothing is copied.
    if values.table(key).is_some_and(|t| t.same(default) && nulls == Nulls::Keep) {
        return;
    }
    if let Val::Table(over) = values.entry(key) {
        under(over, default, nulls);
    }
}

/// `default` under `over`.
pub(crate) fn under(over: &mut Table, default: &Table, nulls: Nulls) {
    for (key, value) in default.iter() {
        match (over.get(key), value) {
            (Some(Val::Null), value) if nulls == Nulls::Remove && !value.is_null() => {
                over.remove(key);
            }
            (None, value) => over.insert(key.clone(), value.clone()),
            (Some(Val::Table(_)), Val::Table(default)) => tables(over, key, default, nulls),
            _ => {}
        }
    }
}

/// Takes the parent's globals over into a sub-chart's values. Returns the places that are now one table.
fn globals(values: &mut Table, parent: Option<&Val>) -> Vec<(Str, Str)> {
    let mut global = match values.get(GLOBAL) {
        None => Table::default(),
        Some(Val::Table(global)) => global.clone(),
        Some(_) => return Vec::new(),
    };
    let parent = match parent {
        None => Table::default(),
        Some(Val::Table(parent)) => parent.clone(),
        Some(_) => return Vec::new(),
    };
    let mut places = Vec::new();
    for (key, value) in parent.iter() {
        match (value, global.get(key)) {
            (Val::Table(value), own @ (None | Some(Val::Table(_)))) => {
                let mut merged = value.clone();
                if let Some(Val::Table(own)) = own {
                    under(&mut merged, own, Nulls::Keep);
                }
                places.extend(value.iter().filter(|(_, v)| v.is_table()).map(|(inner, _)| (key.clone(), inner.clone())));
                global.insert(key.clone(), Val::Table(merged));
            }
            (Val::Table(_), Some(_)) | (_, Some(Val::Table(_))) => {}
            (value, _) => global.insert(key.clone(), value.clone()),
        }
    }
    values.insert(GLOBAL.into(), Val::Table(global));
    places
}

/// What a sub-chart put into tables that it shares with its parent.
fn give_back(parent: &mut Table, child: &Table, sharing: &Sharing) {
    for (key, inner) in &sharing.places {
        let Some(Val::Table(now)) = child.table(GLOBAL).and_then(|g| g.table(key)).and_then(|t| t.get(inner)) else { continue };
        let before = parent.table(GLOBAL).and_then(|g| g.table(key)).and_then(|t| t.table(inner));
        if before.is_some_and(|before| !before.same(now) && before != now) {
            put(parent, key, inner, now);
        }
    }
}

fn put(values: &mut Table, key: &Str, inner: &Str, table: &Table) {
    if let Some(Val::Table(_)) = values.get(GLOBAL)
        && let Val::Table(global) = values.entry(&Str::from_static(GLOBAL))
        && let Some(Val::Table(_)) = global.get(key)
        && let Val::Table(outer) = global.entry(key)
    {
        outer.insert(inner.clone(), Val::Table(table.clone()));
    }
}

impl Sharing {
    fn is_empty(&self) -> bool {
        self.places.is_empty() && self.below.iter().all(Sharing::is_empty)
    }
}

/// Makes the tables that are shared one, from the top down.
fn share(parent: &mut Table, sharing: &Sharing) {
    if sharing.is_empty() {
        return;
    }
    let Some(Val::Table(_)) = parent.get(&sharing.chart) else { return };
    let global = parent.table(GLOBAL).cloned();
    let Val::Table(mut child) = std::mem::take(parent.entry(&sharing.chart)) else { return };
    for (key, inner) in &sharing.places {
        let Some(table) = global.as_ref().and_then(|g| g.table(key)).and_then(|t| t.table(inner)) else { continue };
        let own = child.table(GLOBAL).and_then(|g| g.table(key)).and_then(|t| t.table(inner));
        if own.is_some_and(|own| !own.same(table)) {
            put(&mut child, key, inner, table);
        }
    }
    for below in &sharing.below {
        share(&mut child, below);
    }
    *parent.entry(&sharing.chart) = Val::Table(child);
}

/// The tables that parents and sub-charts hold in common.
pub(crate) fn shared_tables(values: &Table, sharing: &[Sharing], each: &mut impl FnMut(&Table)) {
    for s in sharing {
        for (key, inner) in &s.places {
            if let Some(table) = values.table(GLOBAL).and_then(|g| g.table(key)).and_then(|t| t.table(inner)) {
                each(table);
            }
        }
        if let Some(child) = values.table(&s.chart) {
            shared_tables(child, &s.below, each);
        }
    }
}

/// What `%t` prints of a value that is no boolean.
fn go_percent_t(value: &Val) -> String {
    match value {
        Val::Null => "%!t(<nil>)".to_owned(),
        Val::Bool(b) => b.to_string(),
        Val::Int(n) => format!("%!t(int64={n})"),
        Val::Float(n) => format!("%!t(float64={})", gitops_template::fmt::float(*n, 'g', None)),
        Val::Str(s) => format!("%!t(string={})", s.text()),
        Val::List(_) | Val::Table(_) => "%!t([]interface {}=[…])".to_owned(),
    }
}
