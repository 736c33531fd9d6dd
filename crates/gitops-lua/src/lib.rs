//! Users' Lua scripts: compiled once, run each time in a fresh state, with limits.
//!
//! ```
//! use gitops_lua::{HealthScript, Libraries};
//! use gitops_health::{Health, HealthStatus};
//! use gitops_manifest::json;
//!
//! let script = HealthScript::new("example.org/Tape", "hs = {}\nhs.status = obj.status.torn and 'Degraded' or 'Healthy'\nreturn hs", Libraries::Reduced)?;
//! let live = json::parse(br#"{"status": {"torn": true}}"#, "tape")?;
//! assert_eq!(script.assess(&live)?, Some(Health::new(HealthStatus::Degraded, "")));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! **Dialect.** Argo CD runs Lua 5.1 with `goto`. The interpreter here is Lua 5.2 (numbers are floats there too, `goto` is part of it)
//! with the names of 5.1 that 5.2 dropped (`unpack`, `loadstring`, `table.getn`, `table.maxn`, `math.pow`, `math.log10`, `math.mod`,
//! `string.gfind`). `setfenv`, `getfenv` and `module` are missing.
//!
//! **Sandbox.** No files, no processes, no modules, no byte code. `os` has `time` and `date` only. `string`, `math` and `coroutine` are there
//! with [`Libraries::Open`] only, as with Argo CD's `useOpenLibs`; its `io`, `debug` and full `os` never are.
//!
//! **Limits** ([`Limits`]): steps, memory, time. A script that meets one ends with [`ScriptError::Limit`].
//!
//! **Values.** `null` is `nil`; lists are tables from 1; numbers are floats. Out of Lua, a table with the keys 1 to n is a list, an empty
//! table too, anything else is a map.

mod health;
mod script;
mod value;

pub use health::{HealthError, HealthScript, HealthScripts};
pub use script::{Libraries, Limits, Script, ScriptError};
