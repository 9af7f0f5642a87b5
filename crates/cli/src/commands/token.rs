//! Working with tokens.

use isopolity_proto::admin::{
    self, CreateTokenRequest, ListTokensRequest, RevokeTokenRequest, token_service_client::TokenServiceClient,
};
use isopolity_registry::permission::scope_word;
use prost_types::Timestamp;
use time::{Date, format_description::well_known::Iso8601};

use crate::{
    args::{Global, Output, Token},
    connection::connect,
    exit::Exit,
    output,
};

pub(super) async fn run(global: &Global, command: &Token) -> Result<(), Exit> {
    let mut tokens = TokenServiceClient::new(connect(global).await?);
    match command {
        Token::Create { label, role, expires, scopes } => {
            let role = admin::Role::from(*role);
            let scopes = scopes.iter().map(|scope| admin::Scope::from(*scope).into()).collect();
            let expire_time = expires.as_deref().map(midnight).transpose()?;
            let request = CreateTokenRequest { label: label.clone(), role: role.into(), expire_time, scopes };
            let created = tokens.create_token(request).await?.into_inner();
            if global.output == Output::Json {
                return output::json(&created);
            }
            output::note("shown this once:");
            output::line(&created.secret)
        }
        Token::List => {
            let list = tokens.list_tokens(ListTokensRequest {}).await?.into_inner();
            if global.output == Output::Json {
                return output::json(&list);
            }
            let mut rows = output::table(&["Id", "Label", "Role", "Scopes", "Created", "Expires", "Revoked"]);
            for token in &list.tokens {
                rows.add_row([
                    token.id.clone(),
                    token.label.clone(),
                    role_word(token.role()).to_owned(),
                    token.scopes().map(scope_word).collect::<Vec<_>>().join(" "),
                    output::when(token.create_time.as_ref()),
                    output::when(token.expire_time.as_ref()),
                    output::when(token.revoke_time.as_ref()),
                ]);
            }
            output::line(&rows.to_string())
        }
        Token::Revoke { id } => {
            let revoked = tokens.revoke_token(RevokeTokenRequest { id: id.clone() }).await?.into_inner();
            if global.output == Output::Json {
                return output::json(&revoked);
            }
            output::line(&format!("token {id} is revoked"))
        }
    }
}

fn midnight(text: &str) -> Result<Timestamp, Exit> {
    let date = Date::parse(text, &Iso8601::DATE)
        .map_err(|error| Exit::usage(format!("--expires {text}: write YYYY-MM-DD ({error})")))?;
    Ok(Timestamp { seconds: date.midnight().assume_utc().unix_timestamp(), nanos: 0 })
}

pub(super) fn role_word(role: admin::Role) -> &'static str {
    match role {
        admin::Role::Unspecified => "?",
        admin::Role::Viewer => "viewer",
        admin::Role::Coordinator => "coordinator",
        admin::Role::Auditor => "auditor",
        admin::Role::Editor => "editor",
        admin::Role::Administrator => "administrator",
    }
}
