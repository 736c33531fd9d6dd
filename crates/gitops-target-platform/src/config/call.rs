//! Calls that the configuration names: HTTP, signal, command; and what uses them: reloads and probes.

use std::path::PathBuf;
use std::time::Duration;

use gitops_manifest::Value;
use rustix::process::Signal;

use super::ConfigError;
use super::fields::Fields;
use crate::layout;

/// What may stand in braces in an address, an argument or a file of a probe.
const PLACEHOLDERS: [&str; 5] = ["namespace", "group", "kind", "name", "app"];

/// An HTTP call.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpCall {
    /// Where; with placeholders for probes.
    pub url: String,
    /// `GET`, `POST` or `PUT`.
    pub method: String,
    /// Reference to the key of the signature.
    pub secret: Option<String>,
    /// More headers; values may be references.
    pub headers: Vec<(String, String)>,
    /// For the whole call.
    pub timeout: Duration,
    /// Codes that count as success; empty for 200 to 299.
    pub expect_status: Vec<u16>,
    /// A JSON pointer into the answer and what must stand there.
    pub expect_json: Option<(String, Value)>,
}

impl HttpCall {
    pub(crate) fn parse(fields: &Fields<'_>, default_method: &str, default_seconds: f64) -> Result<HttpCall, ConfigError> {
        let url = fields.needed_text("url", "the address to call")?;
        if !url.starts_with("http://") && !url.starts_with("https://") {
            return Err(fields.invalid("url", format!("`{url}` does not begin with http:// or https://")));
        }
        checked(fields, "url", url)?;
        let method = fields.text("method")?.unwrap_or(default_method);
        if !["GET", "POST", "PUT"].contains(&method) {
            return Err(fields.invalid("method", format!("`{method}` is none of: GET, POST, PUT")));
        }
        let expect_json = match (fields.text("jsonField")?, fields.value("equals")) {
            (None, None) => None,
            (Some(pointer), Some(value)) if pointer.starts_with('/') => Some((pointer.to_owned(), value.clone())),
            (Some(_), Some(_)) => return Err(fields.invalid("jsonField", "a JSON pointer begins with `/`")),
            _ => return Err(fields.invalid("jsonField", "`jsonField` and `equals` go together")),
        };
        Ok(HttpCall {
            url: url.to_owned(),
            method: method.to_owned(),
            secret: fields.text("secret")?.map(str::to_owned),
            headers: fields.text_map("headers")?,
            timeout: fields.seconds("timeoutSeconds", Duration::from_secs_f64(default_seconds))?,
            expect_status: status_codes(fields)?,
            expect_json,
        })
    }
}

fn status_codes(fields: &Fields<'_>) -> Result<Vec<u16>, ConfigError> {
    let Some(value) = fields.value("expectStatus") else { return Ok(Vec::new()) };
    let code = |v: &Value| v.as_i64().and_then(|n| u16::try_from(n).ok()).filter(|n| (100..600).contains(n));
    let codes = value.as_list().map(|l| l.iter().map(code).collect::<Option<Vec<u16>>>());
    codes.flatten().ok_or_else(|| fields.invalid("expectStatus", "expected a list of status codes, 100 to 599"))
}

fn checked(fields: &Fields<'_>, key: &str, text: &str) -> Result<(), ConfigError> {
    layout::check_placeholders(text, &PLACEHOLDERS).map_err(|reason| fields.invalid(key, reason))
}

/// A program with its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandCall {
    /// The program by absolute path, and its arguments; with placeholders for probes and hooks.
    pub argv: Vec<String>,
    /// More environment; values may be references.
    pub env: Vec<(String, String)>,
    /// Then the process group is ended.
    pub timeout: Duration,
    /// How many bytes of the end of the output are kept.
    pub output_limit: usize,
}

impl CommandCall {
    pub(crate) fn parse(fields: &Fields<'_>, default_seconds: f64) -> Result<CommandCall, ConfigError> {
        let argv = fields.texts("argv")?;
        match argv.first() {
            None => return Err(ConfigError::Missing { at: fields.at().to_owned(), key: "argv", needed: "the program and its arguments" }),
            Some(program) if !program.starts_with('/') => {
                return Err(fields.invalid("argv", format!("`{program}` is not an absolute path")));
            }
            Some(program) if program.contains('{') => {
                return Err(fields.invalid("argv", "the program may not hold a placeholder: only its arguments may"));
            }
            Some(_) => {}
        }
        for text in &argv {
            // Arguments in braces of other sorts, such as JSON, are the program's business.
            if text.contains('\0') {
                return Err(fields.invalid("argv", "an argument may not hold a zero byte"));
            }
        }
        Ok(CommandCall {
            argv,
            env: fields.text_map("env")?,
            timeout: fields.seconds("timeoutSeconds", Duration::from_secs_f64(default_seconds))?,
            output_limit: fields.count("outputLimitBytes", 4096)?.min(1 << 20) as usize,
        })
    }
}

/// A signal to the process that a file names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignalCall {
    /// File that holds the process id.
    pub pid_file: PathBuf,
    /// Name of the signal, without `SIG`.
    pub signal: String,
}

impl SignalCall {
    fn parse(fields: &Fields<'_>) -> Result<SignalCall, ConfigError> {
        let text = fields.text("signal")?.unwrap_or("HUP");
        let signal = text.strip_prefix("SIG").unwrap_or(text).to_owned();
        let call = SignalCall { pid_file: fields.needed_path("pidFile", "the file that holds the process id")?, signal };
        match call.number() {
            Some(_) => Ok(call),
            None => Err(fields.invalid("signal", format!("`{text}` is none of: HUP, INT, TERM, USR1, USR2, WINCH"))),
        }
    }

    pub(crate) fn number(&self) -> Option<Signal> {
        Some(match self.signal.as_str() {
            "HUP" => Signal::HUP,
            "INT" => Signal::INT,
            "TERM" => Signal::TERM,
            "USR1" => Signal::USR1,
            "USR2" => Signal::USR2,
            "WINCH" => Signal::WINCH,
            _ => return None,
        })
    }
}

/// Makes what reads the files of a kind take up a change.
#[derive(Clone, Debug, PartialEq)]
pub enum Reload {
    /// A signed HTTP call.
    Http(HttpCall),
    /// A signal.
    Signal(SignalCall),
    /// A command.
    Command(CommandCall),
}

impl Reload {
    pub(crate) fn parse(fields: &Fields<'_>) -> Result<Reload, ConfigError> {
        exactly_one(fields, &["http", "signal", "command"])?;
        if let Some(f) = fields.section("http", "http")? {
            return Ok(Reload::Http(HttpCall::parse(&f, "POST", 10.0)?));
        }
        if let Some(f) = fields.section("command", "command")? {
            return Ok(Reload::Command(CommandCall::parse(&f, 60.0)?));
        }
        let f = fields.section("signal", "kinds[].reload.signal")?;
        let f = f.ok_or_else(|| fields.invalid("signal", "is missing"))?;
        Ok(Reload::Signal(SignalCall::parse(&f)?))
    }
}

/// How the health of an object is found.
#[derive(Clone, Debug, PartialEq)]
pub struct Probe {
    /// What is asked.
    pub kind: ProbeKind,
    /// How long after a change a failing probe means Progressing.
    pub grace: Duration,
}

/// What a probe asks.
#[derive(Clone, Debug, PartialEq)]
pub enum ProbeKind {
    /// An HTTP call.
    Http(HttpCall),
    /// Whether something accepts connections.
    Tcp {
        /// `host:port`.
        address: String,
        /// How long to wait.
        timeout: Duration,
    },
    /// Whether a file is written often enough.
    FileAge {
        /// Which file.
        path: PathBuf,
        /// Oldest healthy age.
        max: Duration,
    },
    /// A command: exit code 0 is healthy.
    Command(CommandCall),
}

impl Probe {
    pub(crate) fn parse(fields: &Fields<'_>) -> Result<Probe, ConfigError> {
        exactly_one(fields, &["http", "tcp", "fileAge", "command"])?;
        let grace = fields.seconds("graceSeconds", Duration::from_secs(10))?;
        let kind = if let Some(f) = fields.section("http", "http")? {
            ProbeKind::Http(HttpCall::parse(&f, "GET", 5.0)?)
        } else if let Some(f) = fields.section("tcp", "kinds[].probe.tcp")? {
            let address = f.needed_text("address", "host:port")?;
            checked(&f, "address", address)?;
            if !address.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok()) {
                return Err(f.invalid("address", format!("`{address}` is not of the form host:port")));
            }
            ProbeKind::Tcp { address: address.to_owned(), timeout: f.seconds("timeoutSeconds", Duration::from_secs(5))? }
        } else if let Some(f) = fields.section("fileAge", "kinds[].probe.fileAge")? {
            let path = f.needed_path("path", "the file to look at")?;
            checked(&f, "path", &path.to_string_lossy())?;
            ProbeKind::FileAge { path, max: f.seconds("maxSeconds", Duration::from_secs(60))? }
        } else {
            let f = fields.section("command", "command")?.ok_or_else(|| fields.invalid("command", "is missing"))?;
            ProbeKind::Command(CommandCall::parse(&f, 5.0)?)
        };
        Ok(Probe { kind, grace })
    }
}

fn exactly_one(fields: &Fields<'_>, keys: &[&str]) -> Result<(), ConfigError> {
    if keys.iter().filter(|key| fields.has(key)).count() == 1 {
        return Ok(());
    }
    let names: Vec<String> = keys.iter().map(|k| format!("`{k}`")).collect();
    Err(ConfigError::Invalid { at: fields.at().to_owned(), reason: format!("expected exactly one of {}", names.join(", ")) })
}
