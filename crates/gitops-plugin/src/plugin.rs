//! A plug-in as a renderer.

use std::time::Instant;

use gitops_render::{Renderer, RendererError, RendererOutput, RendererRequest, files_below, manifests_from_text};
use gitops_tree::{Tree, TreePath};
use globset::{GlobBuilder, GlobMatcher};

use crate::config::{PluginConfig, PluginConfigError};
use crate::process::{self, ProcessError};
use crate::workspace::Workspace;

/// Where programs look for programs. The server's own `PATH` is not handed down.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A configured plug-in.
pub struct Plugin {
    config: PluginConfig,
    discover: Option<GlobMatcher>,
}

/// Why a plug-in rendered nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PluginError {
    /// A command failed.
    #[error("{command} `{program}` {reason}")]
    Command {
        /// `init` or `generate`.
        command: &'static str,
        /// The program.
        program: String,
        /// What happened, with the end of its standard error.
        reason: String,
    },
    /// Its directory could not be made.
    #[error("its working directory cannot be made: {0}")]
    Workspace(String),
}

impl Plugin {
    /// With a configuration that is checked.
    ///
    /// # Errors
    /// When a command or the glob is none.
    pub fn new(config: PluginConfig) -> Result<Plugin, PluginConfigError> {
        config.check()?;
        let glob = |pattern: &String| {
            let glob = GlobBuilder::new(pattern.trim_start_matches("./")).literal_separator(true).build();
            glob.map(|g| g.compile_matcher()).map_err(|e| PluginConfigError::Glob {
                name: config.name.clone(),
                pattern: pattern.clone(),
                reason: e.kind().to_string(),
            })
        };
        Ok(Plugin { discover: config.discover.as_ref().map(glob).transpose()?, config })
    }

    fn run(&self, command: &'static str, argv: &[String], at: &Place<'_>) -> Result<Vec<u8>, PluginError> {
        let output = process::run(argv, &at.directory, at.environment, at.deadline, self.config.output_limit);
        output.map_err(|error| {
            let program = argv.first().cloned().unwrap_or_default();
            let seconds = self.config.timeout.as_secs_f64();
            let reason = match error {
                ProcessError::TimedOut => format!("did not end within {seconds} s, the time that all commands have (`timeout`)"),
                ProcessError::TooMuch(limit) => format!("wrote more than {limit} bytes (`outputLimitBytes`)"),
                other => other.to_string(),
            };
            PluginError::Command { command, program, reason }
        })
    }
}

/// Where and how long commands run.
struct Place<'a> {
    directory: std::path::PathBuf,
    environment: &'a [(String, String)],
    deadline: Instant,
}

impl Renderer for Plugin {
    fn name(&self) -> &str {
        &self.config.name
    }

    fn says_revision(&self) -> bool {
        true
    }

    fn discovers(&self, tree: &dyn Tree, path: &TreePath) -> Result<bool, RendererError> {
        let Some(glob) = &self.discover else { return Ok(false) };
        let is_deep =
            self.config.discover.as_ref().is_some_and(|pattern| pattern.trim_start_matches("./").contains('/') || pattern.contains("**"));
        let mut pending = vec![path.clone()];
        while let Some(directory) = pending.pop() {
            for entry in tree.list(&directory)?.unwrap_or_default() {
                let child = directory.child(&entry.name);
                if glob.is_match(child.relative_to(path).unwrap_or_default()) && entry.kind != gitops_tree::EntryKind::Directory {
                    return Ok(true);
                }
                if is_deep && entry.kind == gitops_tree::EntryKind::Directory {
                    pending.push(child);
                }
            }
        }
        Ok(false)
    }

    fn render(&self, request: &RendererRequest<'_>) -> Result<RendererOutput, RendererError> {
        let mut limits = request.limits.clone();
        limits.max_total_bytes = self.config.tree_limit;
        let files = files_below(request.tree, &TreePath::root(), &limits)?;
        let workspace = Workspace::write(&files).map_err(|e| PluginError::Workspace(e.to_string()))?;
        drop(files);
        let home = workspace.home().display().to_string();
        // The last of a name counts: what the render gives is not to be changed by the configuration.
        let mut environment = vec![("PATH".to_owned(), PATH.to_owned())];
        environment.extend(self.config.env.iter().chain(request.environment).cloned());
        environment.extend([("HOME".to_owned(), home.clone()), ("TMPDIR".to_owned(), home)]);
        let directory = workspace.repository().join(request.path.as_str());
        let place = Place { directory, environment: &environment, deadline: Instant::now() + self.config.timeout };
        if !self.config.init.is_empty() {
            self.run("init", &self.config.init, &place)?;
        }
        let output = self.run("generate", &self.config.generate, &place)?;
        let file = format!("{}.out", self.config.name.replace('/', "-"));
        let mut limits = request.limits.clone();
        limits.max_total_bytes = self.config.output_limit;
        Ok(RendererOutput { manifests: manifests_from_text(&output, &file, &limits)?, ..RendererOutput::default() })
    }
}
