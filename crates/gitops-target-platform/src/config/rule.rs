//! The rules for kinds and for hooks.

use gitops_manifest::ObjectId;

use super::ConfigError;
use super::call::{CommandCall, HttpCall, Probe, Reload};
use super::fields::Fields;
use crate::layout;

/// Which kinds a rule is for: `group/Kind`, where `core` is the core group and `*` any text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KindPattern {
    group: String,
    kind: String,
}

impl KindPattern {
    /// Reads `group/Kind`, `core/Kind` or `*`; `None` when it is none of them.
    pub fn parse(text: &str) -> Option<KindPattern> {
        if text == "*" {
            return Some(KindPattern { group: "*".into(), kind: "*".into() });
        }
        let (group, kind) = text.split_once('/')?;
        let group = if group == "core" { "" } else { group };
        (!kind.is_empty() && !kind.contains('/')).then(|| KindPattern { group: group.into(), kind: kind.into() })
    }

    /// Whether it is for this kind.
    pub fn matches(&self, group: &str, kind: &str) -> bool {
        wildcard(&self.group, group) && wildcard(&self.kind, kind)
    }
}

/// Whether `text` is what `pattern` says, `*` standing for any text. Linear but for going back to the last star.
pub(crate) fn wildcard(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        if p < pattern.len() && pattern[p] == b'*' {
            star = Some((p, t));
            p += 1;
        } else if p < pattern.len() && pattern[p] == text[t] {
            (p, t) = (p + 1, t + 1);
        } else if let Some((star_p, star_t)) = star {
            (p, t) = (star_p + 1, star_t + 1);
            star = Some((star_p, star_t + 1));
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|c| *c == b'*')
}

/// How a live file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// JSON with indentation and a line end.
    Json,
    /// Canonical YAML.
    Yaml,
}

impl Format {
    /// The ending of file names.
    pub fn extension(self) -> &'static str {
        match self {
            Format::Json => "json",
            Format::Yaml => "yaml",
        }
    }
}

/// What a live file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// The whole object.
    Object,
    /// What stands under the object's `spec`.
    Spec,
}

/// What happens to texts that look like references to secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretHandling {
    /// They are resolved when the file is written.
    Resolve,
    /// They are texts like any other.
    Keep,
}

/// A checked template of a path below the live directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathTemplate(String);

impl PathTemplate {
    /// Checks a template.
    ///
    /// # Errors
    /// Says what a path may not hold.
    pub fn parse(text: &str) -> Result<PathTemplate, String> {
        if text.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return Err(format!("`{text}`: a path may not hold empty parts, `.` or `..`"));
        }
        if text.split('/').next().is_some_and(|first| first.eq_ignore_ascii_case(".gitops")) {
            return Err(format!("`{text}`: `.gitops` is the engine's own folder"));
        }
        if text.contains('\0') || text.contains('\\') {
            return Err(format!("`{text}`: a path may not hold `\\` or a zero byte"));
        }
        layout::check_placeholders(text, &["namespace", "group", "kind", "name", "ext"])?;
        // No placeholder at all is fine: one settings file for one object. A second object there is refused at apply.
        Ok(PathTemplate(text.to_owned()))
    }

    /// The path of an object, from the live directory.
    pub(crate) fn path(&self, id: &ObjectId, format: Format) -> String {
        layout::expand(&self.0, |placeholder| match placeholder {
            "namespace" => layout::namespace_part(&id.namespace),
            "group" => layout::group_part(&id.group),
            "kind" => layout::encode(&id.kind),
            "ext" => format.extension().to_owned(),
            _ => layout::encode(&id.name),
        })
    }
}

/// What to do for objects of some kinds.
#[derive(Clone, Debug, PartialEq)]
pub struct KindRule {
    /// Which kinds.
    pub matches: KindPattern,
    /// Name of the activation group.
    pub name: String,
    /// How files are written.
    pub format: Format,
    /// What files hold.
    pub content: Content,
    /// Where files stand; `None` for the layout by namespace, group, kind and name.
    pub path: Option<PathTemplate>,
    /// What happens to references to secrets.
    pub secrets: SecretHandling,
    /// Makes what reads the files take up a change.
    pub reload: Option<Reload>,
    /// Finds the health of an object.
    pub probe: Option<Probe>,
}

impl KindRule {
    pub(crate) fn parse(fields: &Fields<'_>) -> Result<KindRule, ConfigError> {
        let (pattern, matches) = parse_match(fields)?;
        let path = match fields.text("path")? {
            None => None,
            Some(text) => Some(PathTemplate::parse(text).map_err(|reason| fields.invalid("path", reason))?),
        };
        let by_ending = match &path {
            Some(PathTemplate(text)) if text.ends_with(".json") => Format::Json,
            _ => Format::Yaml,
        };
        Ok(KindRule {
            matches,
            name: fields.text("name")?.unwrap_or(pattern).to_owned(),
            format: choice(fields, "format", by_ending, &[("json", Format::Json), ("yaml", Format::Yaml)])?,
            content: choice(fields, "content", Content::Object, &[("object", Content::Object), ("spec", Content::Spec)])?,
            path,
            secrets: choice(
                fields,
                "secrets",
                SecretHandling::Resolve,
                &[("resolve", SecretHandling::Resolve), ("keep", SecretHandling::Keep)],
            )?,
            reload: fields.section("reload", "kinds[].reload")?.map(|f| Reload::parse(&f)).transpose()?,
            probe: fields.section("probe", "kinds[].probe")?.map(|f| Probe::parse(&f)).transpose()?,
        })
    }
}

fn parse_match<'a>(fields: &Fields<'a>) -> Result<(&'a str, KindPattern), ConfigError> {
    let text = fields.needed_text("match", "the kinds that the rule is for, as `group/Kind`, `core/Kind` or `*`")?;
    match KindPattern::parse(text) {
        Some(pattern) => Ok((text, pattern)),
        None => Err(fields.invalid("match", format!("`{text}` is not of the form `group/Kind`, `core/Kind` or `*`"))),
    }
}

fn choice<T: Copy>(fields: &Fields<'_>, key: &str, default: T, values: &[(&str, T)]) -> Result<T, ConfigError> {
    let Some(text) = fields.text(key)? else { return Ok(default) };
    match values.iter().find(|(name, _)| *name == text) {
        Some((_, value)) => Ok(*value),
        None => {
            let names: Vec<&str> = values.iter().map(|(name, _)| *name).collect();
            Err(fields.invalid(key, format!("`{text}` is none of: {}", names.join(", "))))
        }
    }
}

/// What a hook does.
#[derive(Clone, Debug, PartialEq)]
pub enum HookAction {
    /// Runs a command.
    Command(CommandCall),
    /// Calls an address.
    Http(HttpCall),
}

/// How hooks of a kind and name run.
#[derive(Clone, Debug, PartialEq)]
pub struct HookRule {
    /// Which kinds.
    pub matches: KindPattern,
    /// Name of the hook object; `*` stands for any text.
    pub name: String,
    /// What it does.
    pub action: HookAction,
}

impl HookRule {
    pub(crate) fn parse(fields: &Fields<'_>) -> Result<HookRule, ConfigError> {
        let (_, matches) = parse_match(fields)?;
        let action = match (fields.section("command", "command")?, fields.section("http", "http")?) {
            (Some(command), None) => HookAction::Command(CommandCall::parse(&command, 60.0)?),
            (None, Some(http)) => HookAction::Http(HttpCall::parse(&http, "POST", 10.0)?),
            _ => {
                let reason = "expected exactly one of `command`, `http`".to_owned();
                return Err(ConfigError::Invalid { at: fields.at().to_owned(), reason });
            }
        };
        Ok(HookRule { matches, name: fields.text("name")?.unwrap_or("*").to_owned(), action })
    }

    pub(crate) fn is_for(&self, id: &ObjectId) -> bool {
        self.matches.matches(&id.group, &id.kind) && wildcard(&self.name, &id.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("a*c", "abc", true),
            ("a*c", "abcd", false),
            ("*b*", "aabaa", true),
            ("", "a", false),
            ("a**", "a", true),
            ("*ab", "aab", true),
        ] {
            assert_eq!(wildcard(pattern, text), expected, "{pattern} {text}");
        }
    }
}
