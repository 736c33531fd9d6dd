//! The fields of an ApplicationSet.

use super::Shape::{Any, Bool, Fields, Int, IntOrText, List, MapOf, OneOf, Text, Unchecked};
use super::{Field, HEALTH, METADATA, RESOURCE_STATUS, SPEC, Shape, TEXT_MAP, TEXTS, opt, req};
use crate::set::ApplicationsSync;

static EXPRESSION: &[Field] = &[req("key", Text), req("operator", Text), opt("values", TEXTS)];
static SELECTOR: &[Field] = &[opt("matchExpressions", List(&Fields(EXPRESSION))), opt("matchLabels", TEXT_MAP)];
static TEMPLATE_METADATA: &[Field] =
    &[opt("annotations", TEXT_MAP), opt("finalizers", TEXTS), opt("labels", TEXT_MAP), opt("name", Text), opt("namespace", Text)];
static TEMPLATE: &[Field] = &[req("metadata", Fields(TEMPLATE_METADATA)), req("spec", Fields(SPEC))];
static SECRET_KEY: &[Field] = &[req("key", Text), req("secretName", Text)];
static CONFIG_MAP_KEY: &[Field] = &[req("configMapName", Text), req("key", Text)];
static BASIC_AUTH: &[Field] = &[req("passwordRef", Fields(SECRET_KEY)), req("username", Text)];
static BEARER: &[Field] = &[req("tokenRef", Fields(SECRET_KEY))];

static CLUSTER_DECISION: &[Field] = &[
    req("configMapRef", Text),
    opt("labelSelector", Fields(SELECTOR)),
    opt("name", Text),
    opt("requeueAfterSeconds", Int),
    opt("template", Fields(TEMPLATE)),
    opt("values", TEXT_MAP),
];
static CLUSTERS: &[Field] =
    &[opt("flatList", Bool), opt("selector", Fields(SELECTOR)), opt("template", Fields(TEMPLATE)), opt("values", TEXT_MAP)];
static GIT_ITEM: &[Field] = &[opt("exclude", Bool), req("path", Text)];
static GIT: &[Field] = &[
    opt("directories", List(&Fields(GIT_ITEM))),
    opt("files", List(&Fields(GIT_ITEM))),
    opt("pathParamPrefix", Text),
    req("repoURL", Text),
    opt("requeueAfterSeconds", Int),
    req("revision", Text),
    opt("template", Fields(TEMPLATE)),
    opt("values", TEXT_MAP),
];
static LIST: &[Field] = &[opt("elements", List(&Any)), opt("elementsYaml", Text), opt("template", Fields(TEMPLATE))];
static CONFIG_MAP: &[Field] = &[req("name", Text)];
static PLUGIN_INPUT: &[Field] = &[opt("parameters", MapOf(&Any))];
static PLUGIN: &[Field] = &[
    req("configMapRef", Fields(CONFIG_MAP)),
    opt("input", Fields(PLUGIN_INPUT)),
    opt("requeueAfterSeconds", Int),
    opt("template", Fields(TEMPLATE)),
    opt("values", TEXT_MAP),
];
static PULL_AZURE: &[Field] = &[
    opt("api", Text),
    opt("labels", TEXTS),
    req("organization", Text),
    req("project", Text),
    req("repo", Text),
    opt("tokenRef", Fields(SECRET_KEY)),
];
static PULL_BITBUCKET: &[Field] =
    &[opt("api", Text), opt("basicAuth", Fields(BASIC_AUTH)), opt("bearerToken", Fields(BEARER)), req("owner", Text), req("repo", Text)];
static PULL_BITBUCKET_SERVER: &[Field] = &[
    req("api", Text),
    opt("basicAuth", Fields(BASIC_AUTH)),
    opt("bearerToken", Fields(BEARER)),
    opt("caRef", Fields(CONFIG_MAP_KEY)),
    opt("insecure", Bool),
    req("project", Text),
    req("repo", Text),
];
static PULL_GITEA: &[Field] = &[
    req("api", Text),
    opt("insecure", Bool),
    opt("labels", TEXTS),
    req("owner", Text),
    req("repo", Text),
    opt("tokenRef", Fields(SECRET_KEY)),
];
static PULL_GITHUB: &[Field] = &[
    opt("api", Text),
    opt("appSecretName", Text),
    opt("labels", TEXTS),
    req("owner", Text),
    req("repo", Text),
    opt("tokenRef", Fields(SECRET_KEY)),
];
static PULL_GITLAB: &[Field] = &[
    opt("api", Text),
    opt("caRef", Fields(CONFIG_MAP_KEY)),
    opt("insecure", Bool),
    opt("labels", TEXTS),
    req("project", Text),
    opt("pullRequestState", Text),
    opt("tokenRef", Fields(SECRET_KEY)),
];
static PULL_FILTER: &[Field] = &[opt("branchMatch", Text), opt("targetBranchMatch", Text), opt("titleMatch", Text)];
static PULL_REQUEST: &[Field] = &[
    opt("azuredevops", Fields(PULL_AZURE)),
    opt("bitbucket", Fields(PULL_BITBUCKET)),
    opt("bitbucketServer", Fields(PULL_BITBUCKET_SERVER)),
    opt("continueOnRepoNotFoundError", Bool),
    opt("filters", List(&Fields(PULL_FILTER))),
    opt("gitea", Fields(PULL_GITEA)),
    opt("github", Fields(PULL_GITHUB)),
    opt("gitlab", Fields(PULL_GITLAB)),
    opt("requeueAfterSeconds", Int),
    opt("template", Fields(TEMPLATE)),
    opt("values", TEXT_MAP),
];
static TAG_FILTER: &[Field] = &[req("key", Text), opt("value", Text)];
static SCM_AWS: &[Field] =
    &[opt("allBranches", Bool), opt("region", Text), opt("role", Text), opt("tagFilters", List(&Fields(TAG_FILTER)))];
static SCM_AZURE: &[Field] = &[
    req("accessTokenRef", Fields(SECRET_KEY)),
    opt("allBranches", Bool),
    opt("api", Text),
    req("organization", Text),
    req("teamProject", Text),
];
static SCM_BITBUCKET: &[Field] =
    &[opt("allBranches", Bool), req("appPasswordRef", Fields(SECRET_KEY)), req("owner", Text), req("user", Text)];
static SCM_BITBUCKET_SERVER: &[Field] = &[
    opt("allBranches", Bool),
    req("api", Text),
    opt("basicAuth", Fields(BASIC_AUTH)),
    opt("bearerToken", Fields(BEARER)),
    opt("caRef", Fields(CONFIG_MAP_KEY)),
    opt("insecure", Bool),
    req("project", Text),
];
static SCM_FILTER: &[Field] = &[
    opt("branchMatch", Text),
    opt("labelMatch", Text),
    opt("pathsDoNotExist", TEXTS),
    opt("pathsExist", TEXTS),
    opt("repositoryMatch", Text),
];
static SCM_GITEA: &[Field] = &[
    opt("allBranches", Bool),
    req("api", Text),
    opt("excludeArchivedRepos", Bool),
    opt("insecure", Bool),
    req("owner", Text),
    opt("tokenRef", Fields(SECRET_KEY)),
];
static SCM_GITHUB: &[Field] = &[
    opt("allBranches", Bool),
    opt("api", Text),
    opt("appSecretName", Text),
    opt("excludeArchivedRepos", Bool),
    req("organization", Text),
    opt("tokenRef", Fields(SECRET_KEY)),
];
static SCM_GITLAB: &[Field] = &[
    opt("allBranches", Bool),
    opt("api", Text),
    opt("caRef", Fields(CONFIG_MAP_KEY)),
    req("group", Text),
    opt("includeArchivedRepos", Bool),
    opt("includeSharedProjects", Bool),
    opt("includeSubgroups", Bool),
    opt("insecure", Bool),
    opt("tokenRef", Fields(SECRET_KEY)),
    opt("topic", Text),
];
static SCM_PROVIDER: &[Field] = &[
    opt("awsCodeCommit", Fields(SCM_AWS)),
    opt("azureDevOps", Fields(SCM_AZURE)),
    opt("bitbucket", Fields(SCM_BITBUCKET)),
    opt("bitbucketServer", Fields(SCM_BITBUCKET_SERVER)),
    opt("cloneProtocol", Text),
    opt("filters", List(&Fields(SCM_FILTER))),
    opt("gitea", Fields(SCM_GITEA)),
    opt("github", Fields(SCM_GITHUB)),
    opt("gitlab", Fields(SCM_GITLAB)),
    opt("requeueAfterSeconds", Int),
    opt("template", Fields(TEMPLATE)),
    opt("values", TEXT_MAP),
];

/// What may stand two levels deep: no matrix and no merge.
static TERMINAL: &[Field] = &[
    opt("clusterDecisionResource", Fields(CLUSTER_DECISION)),
    opt("clusters", Fields(CLUSTERS)),
    opt("git", Fields(GIT)),
    opt("list", Fields(LIST)),
    opt("plugin", Fields(PLUGIN)),
    opt("pullRequest", Fields(PULL_REQUEST)),
    opt("scmProvider", Fields(SCM_PROVIDER)),
    opt("selector", Fields(SELECTOR)),
];
static NESTED_MATRIX: Shape = Fields(&[req("generators", List(&Fields(TERMINAL))), opt("template", Any)]);
static NESTED_MERGE: Shape = Fields(&[req("generators", List(&Fields(TERMINAL))), req("mergeKeys", TEXTS), opt("template", Any)]);
/// What may stand in a matrix or merge.
static NESTED: &[Field] = &[
    opt("clusterDecisionResource", Fields(CLUSTER_DECISION)),
    opt("clusters", Fields(CLUSTERS)),
    opt("git", Fields(GIT)),
    opt("list", Fields(LIST)),
    opt("matrix", Unchecked(&NESTED_MATRIX)),
    opt("merge", Unchecked(&NESTED_MERGE)),
    opt("plugin", Fields(PLUGIN)),
    opt("pullRequest", Fields(PULL_REQUEST)),
    opt("scmProvider", Fields(SCM_PROVIDER)),
    opt("selector", Fields(SELECTOR)),
];
static MATRIX: &[Field] = &[req("generators", List(&Fields(NESTED))), opt("template", Fields(TEMPLATE))];
static MERGE: &[Field] = &[req("generators", List(&Fields(NESTED))), req("mergeKeys", TEXTS), opt("template", Fields(TEMPLATE))];
static GENERATOR: &[Field] = &[
    opt("clusterDecisionResource", Fields(CLUSTER_DECISION)),
    opt("clusters", Fields(CLUSTERS)),
    opt("git", Fields(GIT)),
    opt("list", Fields(LIST)),
    opt("matrix", Fields(MATRIX)),
    opt("merge", Fields(MERGE)),
    opt("plugin", Fields(PLUGIN)),
    opt("pullRequest", Fields(PULL_REQUEST)),
    opt("scmProvider", Fields(SCM_PROVIDER)),
    opt("selector", Fields(SELECTOR)),
];
static IGNORE: &[Field] = &[opt("jqPathExpressions", TEXTS), opt("jsonPointers", TEXTS), opt("name", Text)];
static PRESERVED: &[Field] = &[opt("annotations", TEXTS), opt("labels", TEXTS)];
static STEP_EXPRESSION: &[Field] = &[opt("key", Text), opt("operator", Text), opt("values", TEXTS)];
static STEP: &[Field] = &[opt("matchExpressions", List(&Fields(STEP_EXPRESSION))), opt("maxUpdate", IntOrText)];
static ROLLING: &[Field] = &[opt("steps", List(&Fields(STEP)))];
static STRATEGY: &[Field] = &[opt("deletionOrder", Text), opt("rollingSync", Fields(ROLLING)), opt("type", Text)];
static SYNC_POLICY: &[Field] = &[opt("applicationsSync", OneOf(ApplicationsSync::NAMES)), opt("preserveResourcesOnDeletion", Bool)];
static SET_SPEC: &[Field] = &[
    opt("applyNestedSelectors", Bool),
    req("generators", List(&Fields(GENERATOR))),
    opt("goTemplate", Bool),
    opt("goTemplateOptions", TEXTS),
    opt("ignoreApplicationDifferences", List(&Fields(IGNORE))),
    opt("preservedFields", Fields(PRESERVED)),
    opt("strategy", Fields(STRATEGY)),
    opt("syncPolicy", Fields(SYNC_POLICY)),
    req("template", Fields(TEMPLATE)),
    opt("templatePatch", Text),
];
static APPLICATION_STATUS: &[Field] = &[
    req("application", Text),
    opt("lastTransitionTime", Text),
    req("message", Text),
    req("status", Text),
    req("step", Text),
    req("targetRevisions", TEXTS),
];
static SET_CONDITION: &[Field] =
    &[opt("lastTransitionTime", Text), req("message", Text), req("reason", Text), req("status", Text), req("type", Text)];
static SET_STATUS: &[Field] = &[
    opt("applicationStatus", List(&Fields(APPLICATION_STATUS))),
    opt("conditions", List(&Fields(SET_CONDITION))),
    opt("health", Fields(HEALTH)),
    opt("resources", List(&Fields(RESOURCE_STATUS))),
    opt("resourcesCount", Int),
];

/// The whole object.
pub(crate) static APPLICATION_SET: Shape = Fields(&[
    opt("apiVersion", Text),
    opt("kind", Text),
    req("metadata", Fields(METADATA)),
    req("spec", Fields(SET_SPEC)),
    opt("status", Fields(SET_STATUS)),
]);
