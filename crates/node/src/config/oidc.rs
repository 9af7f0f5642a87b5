//! `[oidc]`: who vouches for people.

use std::{collections::BTreeMap, path::PathBuf};

use isopolity_proto::admin::Role;
use serde::Deserialize;

/// `[oidc]`: the city's identity provider.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Oidc {
    /// What the provider calls itself, `https://…`, as its tokens have it.
    pub issuer: String,
    /// What its tokens must be made out for.
    pub audience: String,
    /// The clients by which people may have got a token. Empty: only one that is called like the audience.
    #[serde(default)]
    pub clients: Vec<String>,
    /// Where a token has a person's groups: a claim, or a way to one, `realm_access.roles`.
    #[serde(default = "groups")]
    pub groups_claim: String,
    /// The role of each group that has one. Others have none.
    pub roles: BTreeMap<String, RoleName>,
    /// The CA of its certificate, PEM. Otherwise those of the web.
    pub ca: Option<PathBuf>,
}

fn groups() -> String {
    "groups".to_owned()
}

/// A role as the configuration has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the proto says what they are")]
pub enum RoleName {
    Viewer,
    Editor,
    Coordinator,
    Auditor,
    Administrator,
}

impl Oidc {
    /// The role of a group, if it has one.
    pub(crate) fn role_of(&self, group: &str) -> Option<Role> {
        self.roles.get(group).map(|role| match role {
            RoleName::Viewer => Role::Viewer,
            RoleName::Editor => Role::Editor,
            RoleName::Coordinator => Role::Coordinator,
            RoleName::Auditor => Role::Auditor,
            RoleName::Administrator => Role::Administrator,
        })
    }

    /// What is wrong, and with which key.
    pub(super) fn fault(&self) -> Option<(&'static str, &'static str)> {
        if !self.issuer.starts_with("https://") || self.issuer.contains(['?', '#']) {
            return Some(("oidc.issuer", "must begin with https://, and hold neither ? nor #"));
        }
        if self.audience.is_empty() {
            return Some(("oidc.audience", "must not be empty: tokens for other services would be taken"));
        }
        if self.groups_claim.is_empty() {
            return Some(("oidc.groups_claim", "must name a claim"));
        }
        if self.roles.is_empty() {
            return Some(("oidc.roles", "must give at least one group a role, or nobody may do anything"));
        }
        None
    }
}
