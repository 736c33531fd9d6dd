//! What the server's configuration says about one plug-in.

use std::time::Duration;

/// A plug-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PluginConfig {
    /// What `spec.source.plugin.name` calls it.
    pub name: String,
    /// The program by absolute path, and its arguments. It writes the objects to its standard output.
    pub generate: Vec<String>,
    /// Runs before `generate`; empty for nothing.
    pub init: Vec<String>,
    /// A glob, seen from the source's directory: where a file matches, sources that name no engine are this plug-in's. `*`
    /// stays within a directory, `**` does not.
    pub discover: Option<String>,
    /// Longest time of all commands together. Default 90 s.
    pub timeout: Duration,
    /// Most bytes that `generate` may write. Default 10 MiB.
    pub output_limit: u64,
    /// Most bytes of all files of the repository together. Default 100 MiB.
    pub tree_limit: u64,
    /// More environment, the same for every render.
    pub env: Vec<(String, String)>,
}

/// Why a plug-in cannot be configured so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PluginConfigError {
    /// No name, or one that is taken.
    #[error("plug-in `{name}`: {reason}")]
    Name {
        /// As written.
        name: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// A command that is none.
    #[error("plug-in `{name}`: {field}: {reason}")]
    Command {
        /// Whose.
        name: String,
        /// `init` or `generate`.
        field: &'static str,
        /// What is wrong.
        reason: &'static str,
    },
    /// The pattern is no glob.
    #[error("plug-in `{name}`: discover: `{pattern}` is no glob: {reason}")]
    Glob {
        /// Whose.
        name: String,
        /// As written.
        pattern: String,
        /// Why.
        reason: String,
    },
}

impl PluginConfig {
    /// The defaults, with that command.
    pub fn new(name: impl Into<String>, generate: Vec<String>) -> PluginConfig {
        PluginConfig {
            name: name.into(),
            generate,
            init: Vec::new(),
            discover: None,
            timeout: Duration::from_secs(90),
            output_limit: 10 << 20,
            tree_limit: 100 << 20,
            env: Vec::new(),
        }
    }

    pub(crate) fn check(&self) -> Result<(), PluginConfigError> {
        let named = |reason| Err(PluginConfigError::Name { name: self.name.clone(), reason });
        match self.name.as_str() {
            "" => return named("the name is missing"),
            "environment" => return named("this name is that of the engine for environment layouts: choose another"),
            _ => {}
        }
        for (field, argv) in [("generate", &self.generate), ("init", &self.init)] {
            let reason = match argv.first() {
                None if field == "generate" => "is missing: the program by absolute path, and its arguments",
                Some(program) if !program.starts_with('/') => "name the program by its absolute path: no PATH is searched",
                _ => continue,
            };
            return Err(PluginConfigError::Command { name: self.name.clone(), field, reason });
        }
        Ok(())
    }
}
