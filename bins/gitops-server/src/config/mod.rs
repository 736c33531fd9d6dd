//! The server's configuration file: every field, its default, and what is wrong with it. `docs/server.md` is its reference.
//!
//! Secrets are never in the file itself: a field `…Env` names an environment variable, a field `…File` a file.

mod cluster;
mod section;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use gitops_engine::{Alias, Declarations};
use gitops_http::Token;
use gitops_kustomize::LoadRestrictor;
use gitops_manifest::yaml;
use gitops_plugin::{Plugin, PluginConfig};
use gitops_render::Decryption;
use gitops_sops::Keys;
use gitops_source::AllowList;
use gitops_source::webhook::WebhookSecrets;
use gitops_target_kubernetes::KubernetesConfig;
use gitops_target_platform::PlatformConfig;

use section::{Section, Source};

/// A forge that gets commit statuses.
#[derive(Clone, Debug)]
pub(crate) struct StatusRule {
    /// Repositories whose URL begins with this.
    pub(crate) prefix: String,
    /// `github`, `gitlab` or `gitea`; found by the host when not given.
    pub(crate) kind: Option<String>,
    /// Base of the API; the forge's usual one when not given.
    pub(crate) api: Option<String>,
    pub(crate) token: String,
}

/// Where charts may come from, and how many are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Helm {
    /// Beginnings of the addresses of chart repositories and registries that may be asked.
    pub(crate) repositories: Vec<String>,
    /// Registries that are asked over http.
    pub(crate) plain_http: Vec<String>,
    /// Beginnings of addresses whose charts must be signed, and the file of the keys.
    pub(crate) keyrings: Vec<(String, PathBuf)>,
    /// Most bytes of kept archives.
    pub(crate) cache: u64,
    /// Most bytes of one archive.
    pub(crate) archive: u64,
    /// Most bytes of files of parsed charts in memory.
    pub(crate) parsed: u64,
}

impl Default for Helm {
    fn default() -> Helm {
        Helm {
            repositories: vec!["https://".to_owned()],
            plain_http: Vec::new(),
            keyrings: Vec::new(),
            cache: 1 << 30,
            archive: 64 << 20,
            parsed: 256 << 20,
        }
    }
}

/// How the server runs.
pub(crate) struct ServerConfig {
    pub(crate) listen: SocketAddr,
    pub(crate) data_dir: PathBuf,
    pub(crate) external_url: Option<String>,
    pub(crate) tokens: Vec<Token>,
    pub(crate) applications: Vec<Declarations>,
    pub(crate) aliases: Vec<Alias>,
    pub(crate) credentials_file: Option<PathBuf>,
    pub(crate) poll_interval: Duration,
    pub(crate) resync_interval: Duration,
    pub(crate) workers: usize,
    /// Beginnings of addresses that remote bases may have.
    pub(crate) remotes: Vec<String>,
    pub(crate) load_restrictor: LoadRestrictor,
    pub(crate) helm: Helm,
    pub(crate) plugins: Vec<PluginConfig>,
    pub(crate) operation_timeout: Option<Duration>,
    pub(crate) wave_delay: Duration,
    pub(crate) webhooks: WebhookSecrets,
    pub(crate) webhook_limit: usize,
    pub(crate) statuses: Vec<StatusRule>,
    pub(crate) backup_interval: Duration,
    pub(crate) backup_keep: usize,
    /// Files of ConfigMaps and Secrets.
    pub(crate) objects: Vec<PathBuf>,
    pub(crate) platform: PlatformConfig,
    pub(crate) clusters: Vec<KubernetesConfig>,
    /// The file with the age identities.
    pub(crate) age_key_file: Option<PathBuf>,
}

impl ServerConfig {
    /// The embedded default: loopback, everything below `data_dir`, and no repository yet.
    pub(crate) fn new(data_dir: PathBuf) -> ServerConfig {
        ServerConfig {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080),
            external_url: None,
            tokens: Vec::new(),
            applications: Vec::new(),
            aliases: Vec::new(),
            credentials_file: None,
            poll_interval: Duration::from_secs(60),
            resync_interval: Duration::from_secs(300),
            workers: 4,
            remotes: vec!["https://".to_owned()],
            load_restrictor: LoadRestrictor::default(),
            helm: Helm::default(),
            plugins: Vec::new(),
            operation_timeout: None,
            wave_delay: Duration::ZERO,
            webhooks: WebhookSecrets::default(),
            webhook_limit: 50 << 20,
            statuses: Vec::new(),
            backup_interval: Duration::from_secs(3600),
            backup_keep: 24,
            objects: Vec::new(),
            age_key_file: None,
            platform: PlatformConfig::new(data_dir.join("live")),
            clusters: Vec::new(),
            data_dir,
        }
    }

    /// Reads a file, and names every problem in it.
    pub(crate) fn read(file: &Path) -> anyhow::Result<ServerConfig> {
        let text = std::fs::read(file).with_context(|| format!("configuration file {}", file.display()))?;
        let environment: BTreeMap<String, String> = std::env::vars().collect();
        ServerConfig::parse(&text, &file.display().to_string(), &|name| environment.get(name).cloned())
    }

    /// With what encrypted files are decrypted: the file that is configured, else what SOPS's own variables say.
    pub(crate) fn decryption(&self) -> anyhow::Result<Decryption> {
        let named = self.age_key_file.clone().map(|file| ("sops.ageKeyFile", file));
        let file = named.or_else(|| std::env::var_os("SOPS_AGE_KEY_FILE").map(|file| ("SOPS_AGE_KEY_FILE", PathBuf::from(file))));
        let (text, from) = match (file, std::env::var("SOPS_AGE_KEY")) {
            (Some((setting, file)), _) => {
                let text = std::fs::read_to_string(&file).with_context(|| format!("{setting}: {}", file.display()))?;
                (text, file.display().to_string())
            }
            (None, Ok(text)) => (text, "SOPS_AGE_KEY".to_owned()),
            (None, Err(_)) => return Ok(Decryption::default()),
        };
        Ok(Decryption::from_identities(Keys::new().with_identity_file(&text, &from)?))
    }

    fn parse(text: &[u8], file: &str, environment: &dyn Fn(&str) -> Option<String>) -> anyhow::Result<ServerConfig> {
        let parsed = yaml::parse(text, file, &yaml::ParseOptions::default())?;
        let empty = gitops_manifest::Value::Map(gitops_manifest::Map::new());
        let value = match parsed.documents.as_slice() {
            [] => &empty,
            [one] => &one.value,
            [_, second, ..] => bail!("{}: a second document begins here: the configuration is one", second.at),
        };
        let source = Source { file, text };
        let mut root = Section::root(value, &source);
        let data_dir = PathBuf::from(root.text("dataDir").unwrap_or_else(|| ".gitops".to_owned()));
        let mut config = ServerConfig::new(data_dir);
        config.read_from(&mut root, environment);
        let problems = root.finish();
        if !problems.is_empty() {
            bail!("{}", problems.join("\n"));
        }
        if config.tokens.is_empty() && !config.listen.ip().is_loopback() {
            bail!("{file}: `listen` is {}, which others reach, and there are no `tokens`: add one, or listen on 127.0.0.1", config.listen);
        }
        Ok(config)
    }

    fn read_from(&mut self, root: &mut Section<'_>, environment: &dyn Fn(&str) -> Option<String>) {
        if let Some(listen) = root.text("listen") {
            match listen.parse() {
                Ok(address) => self.listen = address,
                Err(_) => root.wrong("listen", "expected an address and a port such as `127.0.0.1:8080`"),
            }
        }
        self.external_url = root.text("externalURL").map(|u| u.trim_end_matches('/').to_owned());
        self.workers = root.count("workers", self.workers);
        self.poll_interval = root.duration("pollInterval", self.poll_interval);
        self.resync_interval = root.duration("resyncInterval", self.resync_interval);
        self.wave_delay = root.duration("waveDelay", self.wave_delay);
        let timeout = root.duration("operationTimeout", Duration::ZERO);
        self.operation_timeout = Some(timeout).filter(|t| !t.is_zero());
        self.credentials_file = root.text("credentialsFile").map(PathBuf::from);
        self.tokens = root.list("tokens", |token| Token {
            account: required(token, "account"),
            secret: secret(token, "tokenEnv", "tokenFile", environment).unwrap_or_default(),
        });
        self.applications = root.list("applications", |from| Declarations {
            repo_url: required(from, "repoURL"),
            target_revision: from.text("targetRevision").unwrap_or_else(|| "HEAD".to_owned()),
            path: from.text("path").unwrap_or_default(),
        });
        self.aliases = root.list("repositories", |alias| Alias { prefix: required(alias, "url"), read_from: required(alias, "readFrom") });
        root.section("kustomize", |kustomize| {
            if let Some(remotes) = kustomize.texts("remotes") {
                self.remotes = remotes;
            }
            match kustomize.text("loadRestrictor").as_deref() {
                None => {}
                Some("LoadRestrictionsRootOnly") => self.load_restrictor = LoadRestrictor::RootOnly,
                Some("LoadRestrictionsNone") => self.load_restrictor = LoadRestrictor::None,
                Some(_) => kustomize.wrong("loadRestrictor", "expected LoadRestrictionsRootOnly or LoadRestrictionsNone"),
            }
        });
        root.section("helm", |helm| {
            let bytes = |helm: &mut Section<'_>, key, default: u64| helm.count(key, usize::try_from(default).unwrap_or(usize::MAX)) as u64;
            self.helm = Helm {
                repositories: helm.texts("repositories").unwrap_or_else(|| Helm::default().repositories),
                plain_http: helm.texts("plainHttp").unwrap_or_default(),
                keyrings: helm.list("keyrings", |rule| (required(rule, "repository"), PathBuf::from(required(rule, "keyring")))),
                cache: bytes(helm, "cacheBytes", self.helm.cache),
                archive: bytes(helm, "maxArchiveBytes", self.helm.archive),
                parsed: bytes(helm, "parsedChartBytes", self.helm.parsed),
            };
            if let Err(e) = AllowList::new(self.helm.repositories.iter().map(String::as_str)) {
                helm.wrong("repositories", &e.to_string());
            }
            if let Err(e) = AllowList::new(self.helm.keyrings.iter().map(|(repository, _)| repository.as_str())) {
                helm.wrong("keyrings", &e.to_string());
            }
        });
        self.plugins = root.list("plugins", plugin);
        root.section("sops", |sops| self.age_key_file = sops.text("ageKeyFile").map(PathBuf::from));
        root.section("webhook", |hook| {
            self.webhook_limit = hook.count("maxPayloadBytes", self.webhook_limit);
            self.webhooks = WebhookSecrets {
                github: secret(hook, "githubSecretEnv", "githubSecretFile", environment),
                gitlab: secret(hook, "gitlabSecretEnv", "gitlabSecretFile", environment),
                gitea: secret(hook, "giteaSecretEnv", "giteaSecretFile", environment),
                bitbucket_uuid: secret(hook, "bitbucketUuidEnv", "bitbucketUuidFile", environment),
                bitbucket_server: secret(hook, "bitbucketServerSecretEnv", "bitbucketServerSecretFile", environment),
                azure_user: secret(hook, "azureUsernameEnv", "azureUsernameFile", environment),
                azure_password: secret(hook, "azurePasswordEnv", "azurePasswordFile", environment),
                generic: secret(hook, "genericSecretEnv", "genericSecretFile", environment),
            };
        });
        self.statuses = root.list("commitStatuses", |rule| StatusRule {
            prefix: required(rule, "repoURLPrefix"),
            kind: rule.text("kind"),
            api: rule.text("api"),
            token: secret(rule, "tokenEnv", "tokenFile", environment).unwrap_or_default(),
        });
        root.section("backup", |backup| {
            self.backup_interval = backup.duration("interval", self.backup_interval);
            self.backup_keep = backup.count("keep", self.backup_keep);
        });
        self.objects = root.texts("objects").unwrap_or_default().into_iter().map(PathBuf::from).collect();
        let platform = root.section("targets", |targets| {
            let value = targets.value("platform").cloned();
            if let Some(value) = value {
                match PlatformConfig::parse(&value, "targets.platform") {
                    Ok(platform) => return Some(platform),
                    Err(e) => targets.wrong("platform", &e.to_string()),
                }
            }
            None
        });
        if let Some(platform) = platform {
            self.platform = platform;
        }
        self.clusters = cluster::clusters(root, environment);
    }
}

/// A program that may render.
fn plugin(section: &mut Section<'_>) -> PluginConfig {
    let mut plugin = PluginConfig::new(required(section, "name"), section.texts("generate").unwrap_or_default());
    plugin.init = section.texts("init").unwrap_or_default();
    plugin.discover = section.text("discover");
    plugin.timeout = section.duration("timeout", plugin.timeout);
    plugin.output_limit = section.count("outputLimitBytes", 10 << 20) as u64;
    plugin.tree_limit = section.count("treeLimitBytes", 100 << 20) as u64;
    plugin.env = section.list("env", |env| (required(env, "name"), env.text("value").unwrap_or_default()));
    if let Err(e) = Plugin::new(plugin.clone()) {
        section.wrong("generate", &e.to_string());
    }
    plugin
}

fn required(section: &mut Section<'_>, key: &'static str) -> String {
    section.text(key).unwrap_or_else(|| {
        section.wrong(key, "is missing");
        String::new()
    })
}

/// A secret from the environment variable or the file that the configuration names. Its value is in no message.
fn secret(
    section: &mut Section<'_>,
    env: &'static str,
    file: &'static str,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Option<String> {
    let (variable, path) = (section.text(env), section.text(file));
    let found = match (variable, path) {
        (None, None) => return None,
        (Some(_), Some(_)) => {
            section.wrong(env, &format!("and `{file}` are both given: keep one"));
            return None;
        }
        (Some(variable), None) => environment(&variable).ok_or((env, format!("environment variable {variable} is not set"))),
        (None, Some(path)) => std::fs::read_to_string(&path).map(|s| s.trim_end().to_owned()).map_err(|e| (file, format!("{path}: {e}"))),
    };
    match found {
        Ok(value) if !value.is_empty() => Some(value),
        Ok(_) => {
            section.wrong(env, "the secret it leads to is empty");
            None
        }
        Err((key, why)) => {
            section.wrong(key, &why);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<ServerConfig, String> {
        let environment = |name: &str| (name == "TOKEN").then(|| "s3cret".to_owned());
        ServerConfig::parse(text.as_bytes(), "server.yaml", &environment).map_err(|e| e.to_string())
    }

    #[test]
    fn nothing_at_all_is_the_default() {
        let c = parse("").expect("valid");
        assert_eq!((c.listen.to_string().as_str(), c.poll_interval.as_secs(), c.backup_keep), ("127.0.0.1:8080", 60, 24));
    }

    #[test]
    fn every_problem_is_named_with_its_place() {
        let e = parse("listn: 127.0.0.1:1\npollInterval: soon\nworkers: -1\n").err().expect("wrong");
        assert!(e.contains("server.yaml:1") && e.contains("did you mean `listen`?"), "{e}");
        assert!(e.contains("`pollInterval`: expected a duration"), "{e}");
        assert!(e.contains("`workers`"), "{e}");
    }

    #[test]
    fn customizations_are_those_of_argocd_cm() {
        let text = "clusters: [{name: a, inCluster: true}]
customizations:
  resource.compareoptions: |
    ignoreAggregatedRoles: true
  resource.customizations.ignoreDifferences.apps_Deployment: {jsonPointers: [/spec/replicas]}
  resource.customizations.health.example.org_Tape: return {status = 'Degraded'}
";
        let c = parse(text).expect("valid");
        let cluster = &c.clusters[0];
        assert!(cluster.compare.ignore_aggregated_roles);
        assert_eq!(cluster.rules.len(), 1);
        assert!(cluster.health.of("example.org", "Tape").is_some());
        let e = parse("customizations: {resource.customizations.health.a_B: 'return {', url: x}\n").err().expect("wrong").to_string();
        assert!(e.contains("health.a_B") && e.contains("`url` says nothing of kinds"), "{e}");
    }

    #[test]
    fn clusters_are_reached_in_one_way_each() {
        let c = parse("clusters:\n- {name: a, inCluster: true}\n- {name: b, kubeconfig: /nowhere, server: 'https://b'}\n").expect("valid");
        let named: Vec<_> = c.clusters.iter().map(|c| (c.name.as_str(), c.server.as_str())).collect();
        assert_eq!(named, [("a", "https://kubernetes.default.svc"), ("b", "https://b")]);
        assert!(parse("").expect("valid").clusters.is_empty());
        let e = parse("clusters:\n- {name: a}\ntrackingMethod: magic\n").err().expect("wrong");
        assert!(e.contains("exactly one of `kubeconfig`") && e.contains("expected annotation, annotation+label or label"), "{e}");
    }

    #[test]
    fn others_are_let_in_with_a_token_only() {
        let e = parse("listen: 0.0.0.0:8080\n").err().expect("open to all");
        assert!(e.contains("there are no `tokens`"), "{e}");
        let c = parse("listen: 0.0.0.0:8080\ntokens:\n- {account: ci, tokenEnv: TOKEN}\n").expect("valid");
        assert_eq!(c.tokens[0].secret, "s3cret");
        let e = parse("tokens:\n- {account: ci, tokenEnv: NOT_SET}\n").err().expect("not set");
        assert!(e.contains("NOT_SET is not set") && !e.contains("s3cret"), "{e}");
    }

    #[test]
    fn charts_and_plugins() {
        let c = parse("helm: {repositories: [oci://registry.example.org/team], cacheBytes: 1000}\n").expect("valid");
        assert_eq!((c.helm.repositories.len(), c.helm.cache, c.helm.parsed), (1, 1000, 256 << 20));
        assert_eq!(parse("").expect("valid").helm, Helm::default());
        let c = parse("helm: {keyrings: [{repository: 'oci://r.example.org', keyring: /etc/keys.gpg}]}\n").expect("valid");
        assert_eq!(c.helm.keyrings, [("oci://r.example.org".to_owned(), PathBuf::from("/etc/keys.gpg"))]);
        let e = parse("helm: {keyrings: [{repository: 'https://h'}]}\n").err().expect("wrong");
        assert!(e.to_string().contains("keyring"), "{e}");
        let c =
            parse("plugins:\n- {name: cue, generate: [/usr/bin/cue, export], timeout: 30s, env: [{name: A, value: b}]}\n").expect("valid");
        assert_eq!((c.plugins[0].generate.len(), c.plugins[0].timeout.as_secs(), c.plugins[0].env.len()), (2, 30, 1));
        let e = parse("plugins:\n- {name: cue, generate: [cue]}\nhelm: {repositories: ['ftp://x']}\n").err().expect("wrong");
        assert!(e.contains("absolute path") && e.contains("repositories"), "{e}");
    }

    /// The reference page: it names every field that is read, and its example is one that reads.
    #[test]
    fn the_reference_is_true() {
        let page = include_str!("../../../../docs/server.md");
        for setting in gitops_target_platform::SETTINGS {
            assert!(page.contains(&format!("`{}`", setting.key)), "docs/server.md lacks `{}`", setting.key);
        }
        let code = include_str!("mod.rs").split("mod tests").next().unwrap_or_default();
        for field in code.split(['(', ' ']).filter_map(|word| word.strip_prefix('"')?.split_once('"')).map(|(name, _)| name) {
            let is_field = !field.is_empty()
                && field.bytes().all(|b| b.is_ascii_alphanumeric())
                && field.starts_with(|c: char| c.is_ascii_lowercase());
            if is_field && code.contains(&format!("(\"{field}\"")) {
                let stem = field.strip_suffix("File").unwrap_or(field);
                assert!(page.contains(field) || page.contains(stem), "docs/server.md lacks `{field}`");
            }
        }
        let example = page.split("```yaml").nth(1).and_then(|rest| rest.split("```").next()).expect("an example");
        let refusal = parse(example).err().expect("its secret files are not on this machine");
        let others: Vec<&str> = refusal.lines().filter(|line| !line.contains("No such file")).collect();
        assert_eq!(others, Vec::<&str>::new());
    }
}
