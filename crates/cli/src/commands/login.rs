//! Signing in and out.

use isopolity_proto::admin::{LoginRequest, LogoutRequest, session_service_client::SessionServiceClient};

use super::{token::role_word, user::password};
use crate::{
    args::{Global, Login, Output},
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
