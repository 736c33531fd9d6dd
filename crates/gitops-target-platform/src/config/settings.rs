//! Every key of the configuration: what it takes, what it is by default, what it does. The reader in `fields` takes its
//! known keys from this list, so that a key that is read but not documented cannot be.

/// One key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Path below `targets.platform`; `[]` stands for each item of a list. `http` and `command` are sections that
    /// several places share, listed once each.
    pub key: &'static str,
    /// What it takes.
    pub values: &'static str,
    /// What it is when it is not there.
    pub default: &'static str,
    /// What it does.
    pub doc: &'static str,
}

const fn setting(key: &'static str, values: &'static str, default: &'static str, doc: &'static str) -> Setting {
    Setting { key, values, default, doc }
}

/// All keys.
pub const SETTINGS: &[Setting] = &[
    setting("root", "path", "(needed)", "The live directory. Made when it is not there. `<root>/.gitops` is the engine's own."),
    setting("durable", "true, false", "true", "Flush each file and its folder entry to the disk before an apply counts as done."),
    setting("fileMode", "octal text", "\"0644\"", "Permission bits of live files."),
    setting("secretFileMode", "octal text", "\"0600\"", "Permission bits of live files that hold a resolved secret."),
    setting("maxFileBytes", "bytes", "16777216", "A live file larger than this is not read: it counts as unreadable."),
    setting("probeConcurrency", "1 to 1024", "8", "How many probes run at once."),
    setting("watch", "auto, poll", "auto", "How changes by others are noticed: inotify where it is to be had, or polling."),
    setting("pollSeconds", "seconds", "2", "Between two walks of the directory when polling."),
    setting("secrets", "map", "{}", "Which secrets objects may refer to. `vault://` needs a resolver given by the embedding program."),
    setting("secrets.env", "list of names", "[]", "Environment variables that `env://NAME` may read; `*` stands for any text."),
    setting("secrets.files", "list of absolute paths", "[]", "Folders or files that `file:///path` may read, symlinks followed first."),
    setting("kinds", "list", "[]", "What to do for which kinds. The first rule that matches counts."),
    setting("kinds[].match", "group/Kind", "(needed)", "The core group is `core`; `*` stands for any text; `*` alone is everything."),
    setting("kinds[].name", "text", "the `match`", "Name of the activation group: one reload for all changed objects of it."),
    setting("kinds[].format", "json, yaml", "by the ending of `path`, else yaml", "How files are written."),
    setting("kinds[].content", "object, spec", "object", "Whether the file holds the whole object or what stands under `spec`."),
    setting(
        "kinds[].path",
        "path below root",
        "{namespace}/{group}/{kind}/{name}.{ext}",
        "Placeholders {namespace} {group} {kind} {name} {ext}; their texts are percent-encoded.",
    ),
    setting(
        "kinds[].secrets",
        "resolve, keep",
        "resolve",
        "`keep` writes texts such as `env://X` as they are, for kinds that use such texts for something else.",
    ),
    setting("kinds[].reload", "one of http, signal, command", "none", "Makes what reads these files take up a change."),
    setting("kinds[].reload.http", "map", "", "A signed HTTP call: see `http`."),
    setting("kinds[].reload.signal", "map", "", "A signal to a process."),
    setting("kinds[].reload.signal.pidFile", "absolute path", "(needed)", "File that holds the process id."),
    setting("kinds[].reload.signal.signal", "HUP, INT, TERM, USR1, USR2, WINCH", "HUP", "Which signal."),
    setting("kinds[].reload.command", "map", "", "A command: see `command`."),
    setting(
        "kinds[].probe",
        "one of http, tcp, fileAge, command",
        "none",
        "Finds the health of each object. Placeholders as in `path`, and {app}.",
    ),
    setting("kinds[].probe.graceSeconds", "seconds", "10", "A failing probe is Progressing, not Degraded, this long after a change."),
    setting("kinds[].probe.http", "map", "", "An HTTP call: see `http`."),
    setting("kinds[].probe.tcp", "map", "", "Whether something accepts connections."),
    setting("kinds[].probe.tcp.address", "host:port", "(needed)", "Where."),
    setting("kinds[].probe.tcp.timeoutSeconds", "seconds", "5", "How long to wait."),
    setting("kinds[].probe.fileAge", "map", "", "Whether a file is written often enough."),
    setting("kinds[].probe.fileAge.path", "absolute path", "(needed)", "Which file."),
    setting("kinds[].probe.fileAge.maxSeconds", "seconds", "60", "Oldest healthy age."),
    setting("kinds[].probe.command", "map", "", "A command: exit code 0 is healthy. See `command`."),
    setting("hooks", "list", "[]", "How hooks run. The first rule that matches counts. A Job with no rule is skipped and says so."),
    setting("hooks[].match", "group/Kind", "(needed)", "As in `kinds[].match`."),
    setting("hooks[].name", "text", "*", "Name of the hook object; `*` stands for any text."),
    setting("hooks[].command", "map", "", "A command, with the object as JSON on its standard input: see `command`."),
    setting("hooks[].http", "map", "", "A signed HTTP call, with the object in its body: see `http`."),
    setting("http.url", "http or https URL", "(needed)", "Where. Redirects are not followed, proxies not used."),
    setting("http.method", "GET, POST, PUT", "GET for probes, else POST", "How."),
    setting("http.secret", "env://NAME or file:///path", "none", "Key of the signature. The allow-list above does not apply to it."),
    setting("http.headers", "map of texts", "{}", "More headers. A value may be env://NAME or file:///path."),
    setting("http.headers.*", "text", "", "One header."),
    setting("http.timeoutSeconds", "seconds", "10 (probes: 5)", "For the whole call, from look-up to the last byte."),
    setting("http.expectStatus", "list of codes", "200 to 299", "Answers that count as success."),
    setting("http.jsonField", "JSON pointer", "none", "Probes only: a field of the answer that must equal `equals`."),
    setting("http.equals", "any value", "none", "Probes only: what `jsonField` must be."),
    setting("command.argv", "list of texts", "(needed)", "The program by absolute path, and its arguments. No shell."),
    setting(
        "command.env",
        "map of texts",
        "{}",
        "More environment. A value may be env://NAME or file:///path. PATH, HOME, LANG and TZ are inherited, nothing else.",
    ),
    setting("command.env.*", "text", "", "One variable."),
    setting("command.timeoutSeconds", "seconds", "60 (probes: 5)", "Then the whole process group gets TERM, and KILL a second later."),
    setting("command.outputLimitBytes", "bytes", "4096", "How much of the end of the output is kept for messages."),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_stands_twice_and_each_is_explained() {
        for (i, setting) in SETTINGS.iter().enumerate() {
            assert!(SETTINGS[..i].iter().all(|s| s.key != setting.key), "{} twice", setting.key);
            assert!(!setting.doc.is_empty() && !setting.values.is_empty());
        }
    }
}
