//! Signing in and out.

use isopolity_proto::admin::{
    ChangePasswordRequest, GetSessionRequest, Identification, LoginRequest, LogoutRequest,
    session_service_client::SessionServiceClient,
};
use isopolity_registry::permission::scope_word;

use super::{
    token::role_word,
    user::{new_password, password},
};
use crate::{
    args::{ChangePassword, Global, Login, Output, Password},
    connection::{self, connect, connect_without_token},
    exit::Exit,
    output, session,
};

pub(super) async fn login(global: &Global, login: &Login) -> Result<(), Exit> {
    let mut sessions = SessionServiceClient::new(connect_without_token(global).await?);
    let password = password(&login.password, "Password: ")?;
    let request = LoginRequest { user: login.name.clone(), password };
    let signed_in = sessions.login(request).await?.into_inner();
    let file = session::keep(&connection::address(global)?, &signed_in.token)?;
    let about = signed_in.session.unwrap_or_default();
    if global.output == Output::Json {
        return output::json(&about);
    }
    output::line(&format!(
        "signed in as {} ({}) until {}",
        login.name,
        role_word(about.role()),
        output::when(about.expire_time.as_ref())
    ))?;
    output::note(&format!("the session is in {}; \"isopolity logout\" ends it", file.display()));
    Ok(())
}

pub(super) async fn logout(global: &Global) -> Result<(), Exit> {
    let address = connection::address(global)?;
    if session::find(&address)?.is_none() {
        return Err(Exit::usage(format!("there is no session with the node at {address}")));
    }
    let ended = async {
        let mut sessions = SessionServiceClient::new(connect(global).await?);
        sessions.logout(LogoutRequest {}).await.map(drop).map_err(Exit::from)
    };
    let ended = ended.await;
    // Here it ends in any case: what the node says of it is said afterwards.
    session::forget(&address)?;
    ended?;
    output::line("signed out")
}

pub(super) async fn change_password(global: &Global, change: &ChangePassword) -> Result<(), Exit> {
    let mut sessions = SessionServiceClient::new(connect(global).await?);
    let present = password(&change.present, "Present password: ")?;
    let new = new_password(&Password { password_file: change.new_password_file.clone() })?;
    sessions.change_password(ChangePasswordRequest { password: present, new_password: new }).await?;
    output::line("you have another password; your other sessions have ended")
}

pub(super) async fn whoami(global: &Global) -> Result<(), Exit> {
    let mut sessions = SessionServiceClient::new(connect(global).await?);
    let about = sessions.get_session(GetSessionRequest {}).await?.into_inner().session.unwrap_or_default();
    if global.output == Output::Json {
        return output::json(&about);
    }
    let how = match about.identification() {
        Identification::Unspecified => "?",
        Identification::Token => "a token",
        Identification::User => "a session",
        Identification::Provider => "the identity provider",
    };
    let mut rows = output::table(&["Id", "Known by", "Role", "Scopes", "Until"]);
    rows.add_row([
        about.id.clone(),
        how.to_owned(),
        role_word(about.role()).to_owned(),
        about.scopes().map(scope_word).collect::<Vec<_>>().join(" "),
        output::when(about.expire_time.as_ref()),
    ]);
    output::line(&rows.to_string())
}
