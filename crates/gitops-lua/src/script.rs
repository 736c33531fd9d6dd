//! One script: its text, checked when it is made, and its runs.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use gitops_manifest::Value;
use mlua::{ChunkMode, HookTriggers, Lua, LuaOptions, StdLib, VmState};

use crate::value::{Unusable, from_lua, into_lua};

/// Which standard libraries a script has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Libraries {
    /// The base functions, `table`, and `os.time` and `os.date`.
    #[default]
    Reduced,
    /// Also `string`, `math`, `coroutine` and `bit32`: Argo CD's `useOpenLibs`, without what reaches out of the process.
    Open,
}

/// What a run may use up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Instructions of the interpreter. Default: 20 million, well above what a second does in a slow interpreter.
    pub steps: u64,
    /// Bytes of memory, the object included. Default: 64 MiB.
    pub memory: usize,
    /// Time. Default: a second, as with Argo CD.
    pub time: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { steps: 20_000_000, memory: 64 << 20, time: Duration::from_secs(1) }
    }
}

/// Why a script has no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScriptError {
    /// The text is not Lua. The message begins with the script's name and the line.
    #[error("{message}")]
    Syntax {
        /// What is wrong and where.
        message: String,
    },
    /// The script failed, or called `error`.
    #[error("{message}")]
    Failed {
        /// `name:line: what`, or just the text that was given to `error(text, 0)`.
        message: String,
    },
    /// The script used up what it may use.
    #[error("{script}: ended after it used up its {limit}: make the script do less")]
    Limit {
        /// Name of the script.
        script: String,
        /// Which limit, and how large.
        limit: String,
    },
    /// What the script returned cannot be read.
    #[error("{script}: {message}")]
    Result {
        /// Name of the script.
        script: String,
        /// What it returned.
        message: String,
    },
}

/// A script that has been compiled once, so that its syntax is right.
#[derive(Clone, Debug)]
pub struct Script {
    name: String,
    text: String,
    libraries: Libraries,
    limits: Limits,
}

/// What 5.1 had and 5.2 has under another name, and what keeps library functions, which the interpreter does not look into while they
/// run, from running for ever. `check` and `cost` come from us: the one fails once a limit was met, the other when a pattern could take
/// too long.
const PRELUDE: &str = r#"
local check, cost = ...
unpack = unpack or table.unpack
loadstring = load
table.maxn = table.maxn or function(t)
  local n = 0
  for k in pairs(t) do if type(k) == "number" and k > n then n = k end end
  return n
end
if math then
  math.mod = math.mod or math.fmod
  math.pow = math.pow or function(a, b) return a ^ b end
  math.log10 = math.log10 or function(a) return math.log(a, 10) end
end

local function checked(f) return function(...) return check(f(...)) end end
pcall, xpcall = checked(pcall), checked(xpcall)
if coroutine then coroutine.resume = checked(coroutine.resume) end

local rawlen, type, error = rawlen, type, error
for _, name in ipairs({"insert", "remove", "concat", "sort", "unpack"}) do
  local f = table[name]
  table[name] = function(t, ...)
    if type(t) == "table" and #t ~= rawlen(t) then error("a list with a length of its own cannot be used here", 2) end
    return f(t, ...)
  end
end
unpack = table.unpack
table.getn = function(t) return #t end

if string then
  for _, name in ipairs({"find", "match", "gmatch", "gsub"}) do
    local f = string[name]
    string[name] = function(s, p, ...)
      cost(s, p)
      return f(s, p, ...)
    end
  end
  string.gfind = string.gmatch
end
"#;

/// The most steps a pattern may need in the worst case: about a second of them.
const MAX_PATTERN_COST: f64 = 2.0e8;

/// Steps between two looks at the limits.
const STRIDE: u32 = 1000;

impl Script {
    /// Takes the text of a script, which `name` names in errors.
    ///
    /// # Errors
    /// When the text is not Lua.
    pub fn new(name: &str, text: &str, libraries: Libraries) -> Result<Script, ScriptError> {
        let lua = Lua::new_with(StdLib::NONE, LuaOptions::default()).map_err(|e| failed(&e))?;
        lua.load(text).set_name(format!("={name}")).set_mode(ChunkMode::Text).into_function().map_err(|error| match failed(&error) {
            ScriptError::Failed { message } => ScriptError::Syntax { message },
            other => other,
        })?;
        Ok(Script { name: name.to_owned(), text: text.to_owned(), libraries, limits: Limits::default() })
    }

    /// The same script with other limits.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Script {
        Script { limits, ..self }
    }

    /// The name in errors.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs the script with these globals in a state of its own. `None` when it returns nothing or `nil`; of several results the last.
    ///
    /// # Errors
    /// When the script fails, uses up its limits, or returns what is no value.
    pub fn run(&self, globals: &[(&str, &Value)]) -> Result<Option<Value>, ScriptError> {
        let spent = Rc::new(RefCell::new(None));
        let outcome = self.run_within(globals, &spent);
        if let Some(limit) = spent.borrow_mut().take() {
            // `pcall` may have caught the hook's error; a script that met a limit has no result all the same.
            return Err(self.limit(limit));
        }
        match outcome {
            Ok(value) => Ok(value),
            Err(Unusable::Lua(error)) if is_out_of_memory(&error) => Err(self.limit(format!("memory ({} bytes)", self.limits.memory))),
            Err(Unusable::Lua(error)) => Err(failed(&error)),
            Err(unusable) => Err(ScriptError::Result { script: self.name.clone(), message: self.describe(&unusable) }),
        }
    }

    fn limit(&self, limit: String) -> ScriptError {
        ScriptError::Limit { script: self.name.clone(), limit }
    }

    fn describe(&self, unusable: &Unusable) -> String {
        match unusable {
            Unusable::Type(name) => format!("a {name} cannot be part of the result"),
            Unusable::TooDeep => "the result is nested too deep, or holds itself".to_owned(),
            Unusable::Keys => "a table of the result has keys that are neither all texts nor 1 to n".to_owned(),
            Unusable::Lua(error) => error.to_string(),
        }
    }

    fn run_within(&self, globals: &[(&str, &Value)], spent: &Rc<RefCell<Option<String>>>) -> Result<Option<Value>, Unusable> {
        let mut libraries = StdLib::TABLE | StdLib::OS;
        if self.libraries == Libraries::Open {
            libraries |= StdLib::STRING | StdLib::MATH | StdLib::COROUTINE | StdLib::BIT;
        }
        let lua = Lua::new_with(libraries, LuaOptions::default())?;
        close(&lua)?;
        lua.set_memory_limit(self.limits.memory)?;
        self.watch(&lua, spent)?;
        let over = Rc::clone(spent);
        let check = lua.create_function(move |_, results: mlua::MultiValue| match &*over.borrow() {
            Some(limit) => Err(mlua::Error::runtime(limit)),
            None => Ok(results),
        })?;
        let cost = lua.create_function(|_, (subject, pattern): (mlua::Value, mlua::Value)| check_pattern(&subject, &pattern))?;
        lua.load(PRELUDE).set_name("=prelude").call::<()>((check, cost))?;
        for (name, value) in globals {
            lua.globals().raw_set(*name, into_lua(&lua, value)?)?;
        }
        let chunk = lua.load(&self.text).set_name(format!("={}", self.name)).set_mode(ChunkMode::Text);
        let results: mlua::MultiValue = chunk.call(())?;
        results.iter().last().map(from_lua).transpose().map(|v| v.filter(|v| !v.is_null()))
    }

    /// Looks at steps and time every [`STRIDE`] instructions, in every coroutine.
    fn watch(&self, lua: &Lua, spent: &Rc<RefCell<Option<String>>>) -> mlua::Result<()> {
        let (limits, spent) = (self.limits, Rc::clone(spent));
        let began = clock();
        let count = RefCell::new(0u64);
        lua.set_global_hook(HookTriggers::new().every_nth_instruction(STRIDE), move |_, _| {
            *count.borrow_mut() += u64::from(STRIDE);
            let limit = if *count.borrow() > limits.steps {
                format!("steps ({})", limits.steps)
            } else if began.elapsed() > limits.time {
                format!("time ({} ms)", limits.time.as_millis())
            } else {
                return Ok(VmState::Continue);
            };
            let error = mlua::Error::runtime(&limit);
            *spent.borrow_mut() = Some(limit);
            Err(error)
        })
    }
}

/// Lua's matcher tries every length of every repeated item: with n characters and k such items up to n^k steps, from each start.
fn check_pattern(subject: &mlua::Value, pattern: &mlua::Value) -> mlua::Result<()> {
    let (mlua::Value::String(subject), mlua::Value::String(pattern)) = (subject, pattern) else { return Ok(()) };
    let (subject, pattern) = (subject.as_bytes(), pattern.as_bytes());
    let length = subject.len() as f64 + 1.0;
    let starts = if pattern.starts_with(b"^") { 1.0 } else { length };
    let items = pattern.iter().fold(1.0_f64, |cost, byte| match byte {
        b'*' | b'+' | b'-' => cost * length,
        b'?' => cost * 2.0,
        _ => cost,
    });
    // What is not repeated is compared once per start, also when the pattern is plain text.
    if starts * items.max(1.0 + pattern.len() as f64 / 64.0) > MAX_PATTERN_COST {
        return Err(mlua::Error::runtime(
            "the pattern could take too long on this text: use fewer `*`, `+`, `-` and `?`, or a shorter text",
        ));
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "a limit on time needs the time; no result depends on it but `Limit`")]
fn clock() -> std::time::Instant {
    std::time::Instant::now()
}

/// Takes away what reaches out of the state.
fn close(lua: &Lua) -> mlua::Result<()> {
    let globals = lua.globals();
    for name in ["dofile", "loadfile", "collectgarbage", "print", "require", "package"] {
        globals.raw_set(name, mlua::Value::Nil)?;
    }
    // Scripts leave `print` calls in; there is nobody to read them.
    globals.raw_set("print", lua.create_function(|_, _: mlua::MultiValue| Ok(()))?)?;
    let os: mlua::Table = globals.raw_get("os")?;
    let kept = lua.create_table()?;
    for name in ["time", "date"] {
        kept.raw_set(name, os.raw_get::<mlua::Value>(name)?)?;
    }
    globals.raw_set("os", &kept)?;
    let loaded = globals.clone();
    globals.raw_set(
        "require",
        lua.create_function(move |_, name: String| {
            let known = matches!(name.as_str(), "os" | "table" | "string" | "math");
            let module: mlua::Value = if known { loaded.raw_get(name.as_str())? } else { mlua::Value::Nil };
            if module.is_nil() {
                Err(mlua::Error::runtime(format!("module {name} not found: scripts cannot load any")))
            } else {
                Ok(module)
            }
        })?,
    )?;
    // Byte code could break the interpreter: text only.
    let load: mlua::Function = globals.raw_get("load")?;
    globals.raw_set(
        "load",
        lua.create_function(move |_, (chunk, name): (mlua::Value, Option<String>)| {
            load.call::<mlua::MultiValue>((chunk, name.unwrap_or_else(|| "=load".to_owned()), "t"))
        })?,
    )
}

fn is_out_of_memory(error: &mlua::Error) -> bool {
    match error {
        mlua::Error::MemoryError(_) => true,
        mlua::Error::CallbackError { cause, .. } => is_out_of_memory(cause),
        _ => false,
    }
}

/// The message without the stack trace, which names our own frames only.
fn failed(error: &mlua::Error) -> ScriptError {
    let text = match error {
        mlua::Error::RuntimeError(text) | mlua::Error::SyntaxError { message: text, .. } => text.clone(),
        mlua::Error::CallbackError { cause, .. } => return failed(cause),
        other => other.to_string(),
    };
    let message = text.split("\nstack traceback:").next().unwrap_or_default().trim_end().to_owned();
    ScriptError::Failed { message }
}
