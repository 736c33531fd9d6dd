//! The fields of an AppProject.

use super::Shape::{Bool, Fields, Int, List, MapOf, Text};
use super::{DESTINATION, Field, METADATA, Shape, TEXTS, opt, req};

static GROUP_KIND: &[Field] = &[req("group", Text), req("kind", Text)];
static CLUSTER_RESOURCE: &[Field] = &[req("group", Text), req("kind", Text), opt("name", Text)];
static SERVICE_ACCOUNT: &[Field] = &[req("defaultServiceAccount", Text), opt("namespace", Text), req("server", Text)];
static ORPHAN: &[Field] = &[opt("group", Text), opt("kind", Text), opt("name", Text)];
static ORPHANS: &[Field] = &[opt("ignore", List(&Fields(ORPHAN))), opt("warn", Bool)];
static TOKEN: &[Field] = &[opt("exp", Int), req("iat", Int), opt("id", Text)];
static ROLE: &[Field] =
    &[opt("description", Text), opt("groups", TEXTS), opt("jwtTokens", List(&Fields(TOKEN))), req("name", Text), opt("policies", TEXTS)];
static SIGNATURE_KEY: &[Field] = &[req("keyID", Text)];
static GPG: &[Field] = &[req("keys", TEXTS), req("mode", Text)];
static INTEGRITY_REPOSITORY: &[Field] = &[req("url", Text)];
static INTEGRITY_POLICY: &[Field] = &[req("gpg", Fields(GPG)), req("repos", List(&Fields(INTEGRITY_REPOSITORY)))];
static GIT_INTEGRITY: &[Field] = &[req("policies", List(&Fields(INTEGRITY_POLICY)))];
static INTEGRITY: &[Field] = &[req("git", Fields(GIT_INTEGRITY))];
pub(super) static SYNC_WINDOW: &[Field] = &[
    opt("andOperator", Bool),
    opt("applications", TEXTS),
    opt("clusters", TEXTS),
    opt("description", Text),
    opt("duration", Text),
    opt("kind", Text),
    opt("manualSync", Bool),
    opt("namespaces", TEXTS),
    opt("schedule", Text),
    opt("syncOverrun", Bool),
    opt("timeZone", Text),
];
static SPEC: &[Field] = &[
    opt("clusterResourceBlacklist", List(&Fields(CLUSTER_RESOURCE))),
    opt("clusterResourceWhitelist", List(&Fields(CLUSTER_RESOURCE))),
    opt("description", Text),
    opt("destinationServiceAccounts", List(&Fields(SERVICE_ACCOUNT))),
    opt("destinations", List(&Fields(DESTINATION))),
    opt("namespaceResourceBlacklist", List(&Fields(GROUP_KIND))),
    opt("namespaceResourceWhitelist", List(&Fields(GROUP_KIND))),
    opt("orphanedResources", Fields(ORPHANS)),
    opt("permitOnlyProjectScopedClusters", Bool),
    opt("roles", List(&Fields(ROLE))),
    opt("signatureKeys", List(&Fields(SIGNATURE_KEY))),
    opt("sourceIntegrity", Fields(INTEGRITY)),
    opt("sourceNamespaces", TEXTS),
    opt("sourceRepos", TEXTS),
    opt("syncWindows", List(&Fields(SYNC_WINDOW))),
];
static TOKENS: &[Field] = &[opt("items", List(&Fields(TOKEN)))];
static STATUS: &[Field] = &[opt("jwtTokensByRole", MapOf(&Fields(TOKENS)))];

/// The whole object.
pub(crate) static APP_PROJECT: Shape = Fields(&[
    opt("apiVersion", Text),
    opt("kind", Text),
    req("metadata", Fields(METADATA)),
    req("spec", Fields(SPEC)),
    opt("status", Fields(STATUS)),
]);
