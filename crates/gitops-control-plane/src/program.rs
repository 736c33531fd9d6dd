//! One program that ends with this process, however that ends.

use std::fs::File;
use std::io;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Starts what follows, and kills it when standard input closes: when the owner says so, or is gone.
const KEEPER: &str = r#"exec 3<&0
"$@" </dev/null 3<&- &
read -r line <&3
kill -9 $! 2>/dev/null
wait"#;

/// A running program. Dropping it kills it and waits for its end.
pub(crate) struct Program {
    keeper: Child,
    log: PathBuf,
}

impl Program {
    /// Starts a program; what it prints goes to `log`.
    pub(crate) fn start(program: &Path, arguments: &[String], log: PathBuf) -> io::Result<Program> {
        let out = File::options().create(true).append(true).open(&log)?;
        let mut command = Command::new("sh");
        command.args(["-c", KEEPER, "keeper"]).arg(program).args(arguments).env_clear();
        command.stdin(Stdio::piped()).stdout(out.try_clone()?).stderr(out);
        Ok(Program { keeper: command.spawn()?, log })
    }

    /// The end of what it printed.
    pub(crate) fn last_words(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(15)..].join("\n")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

/// A port of loopback that was free a moment ago.
pub(crate) fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}
