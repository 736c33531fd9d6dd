//! The table of built-in kinds, made by `cargo xtask schema` from the documents of the Kubernetes version that it names.

use std::sync::LazyLock;

use crate::table::TypeTable;

/// The built-in kinds of Kubernetes. Read once, at the first use: some milliseconds.
pub fn builtin() -> &'static TypeTable {
    static TABLE: LazyLock<TypeTable> = LazyLock::new(|| {
        TypeTable::parse(include_str!("builtin.schema")).expect("the embedded table is one that we print: tests/builtin.rs reads it")
    });
    &TABLE
}
