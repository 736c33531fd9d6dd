//! The actions that come with the program, a file per family of kinds.

mod argo;
mod cnpg;
mod flux;
mod jobs;
mod keda;
mod numaproj;
mod operators;
mod rollout;
mod workloads;

use gitops_manifest::Value;

use crate::action::{Action, ActionError, Impact, Input, Param};

type Outcome = Result<Vec<Impact>, ActionError>;
type Discover = fn(&Value) -> Vec<Action>;
/// `None`: no action of that name.
type Run = fn(&Value, &str, &Input) -> Option<Outcome>;

/// Group, kinds (none: all of the group), what finds the actions and what runs them.
const FAMILIES: &[(&str, &[&str], Discover, Run)] = &[
    ("apps", &["Deployment"], workloads::of_deployment, workloads::run),
    ("apps", &["StatefulSet"], workloads::of_stateful_set, workloads::run),
    ("apps", &["DaemonSet"], workloads::of_daemon_set, workloads::run),
    ("argoproj.io", &["Rollout"], rollout::discover, rollout::run),
    ("argoproj.io", &["AnalysisRun", "Application", "CronWorkflow", "WorkflowTemplate"], argo::discover, argo::run),
    ("batch", &["CronJob"], jobs::of_cron_job, jobs::run_cron_job),
    ("batch", &["Job"], jobs::of_job, jobs::run_job),
    ("core.strimzi.io", &["StrimziPodSet"], operators::discover, operators::run),
    ("external-secrets.io", &["ExternalSecret", "PushSecret"], operators::discover, operators::run),
    ("k8s.mariadb.com", &["MariaDB"], operators::discover, operators::run),
    ("promoter.argoproj.io", &["PullRequest"], operators::discover, operators::run),
    ("psmdb.percona.com", &["PerconaServerMongoDB"], operators::discover, operators::run),
    ("helm.toolkit.fluxcd.io", &["HelmRelease"], flux::discover, flux::run),
    ("kustomize.toolkit.fluxcd.io", &["Kustomization"], flux::discover, flux::run),
    ("image.toolkit.fluxcd.io", &["ImageRepository", "ImageUpdateAutomation"], flux::discover, flux::run),
    ("notification.toolkit.fluxcd.io", &["Alert", "Provider", "Receiver"], flux::discover, flux::run),
    ("source.toolkit.fluxcd.io", &["Bucket", "GitRepository", "HelmChart", "HelmRepository", "OCIRepository"], flux::discover, flux::run),
    ("keda.sh", &["ScaledJob", "ScaledObject"], keda::discover, keda::run),
    ("numaflow.numaproj.io", &["InterStepBufferService", "MonoVertex", "Pipeline"], numaproj::of_flow, numaproj::run_flow),
    ("numaplane.numaproj.io", &["MonoVertexRollout", "PipelineRollout"], numaproj::of_plane, numaproj::run_plane),
    ("postgresql.cnpg.io", &["Cluster"], cnpg::discover, cnpg::run),
];

pub(crate) fn group_and_kind(live: &Value) -> (&str, &str) {
    let version = live.str_at(&["apiVersion"]).unwrap_or("");
    (version.split_once('/').map_or("", |(group, _)| group), live.str_at(&["kind"]).unwrap_or(""))
}

fn family(live: &Value) -> Option<&'static (&'static str, &'static [&'static str], Discover, Run)> {
    let (group, kind) = group_and_kind(live);
    FAMILIES.iter().find(|(g, kinds, ..)| *g == group && kinds.contains(&kind))
}

pub(crate) fn discover(live: &Value) -> Vec<Action> {
    family(live).map(|(_, _, discover, _)| discover(live)).unwrap_or_default()
}

pub(crate) fn run(live: &Value, action: &str, input: &Input) -> Option<Outcome> {
    family(live).and_then(|(_, _, _, run)| run(live, action, input))
}

/// An action by its name.
fn action(name: &str) -> Action {
    Action { name: name.to_owned(), ..Action::default() }
}

impl Action {
    fn only_if(self, enabled: bool) -> Action {
        Action { disabled: !enabled, ..self }
    }

    fn shown_as(self, name: &str) -> Action {
        Action { display_name: name.to_owned(), ..self }
    }

    fn icon(self, class: &str) -> Action {
        Action { icon_class: class.to_owned(), ..self }
    }

    fn takes(mut self, name: &str, default: &str) -> Action {
        self.params.push(Param { name: name.to_owned(), default: default.to_owned() });
        self
    }
}

/// A parameter that is a whole number, not negative.
fn whole_number(input: &Input, name: &str) -> Result<i64, String> {
    let text = input.params.get(name).map_or("nil", String::as_str);
    text.trim().parse::<i64>().ok().filter(|n| (0..=i64::from(i32::MAX)).contains(n)).ok_or_else(|| format!("invalid number: {text}"))
}
