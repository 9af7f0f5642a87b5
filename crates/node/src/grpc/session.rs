//! Signing in and out.

use std::net::IpAddr;

use isopolity_federation::CallerAddress;
use isopolity_proto::admin::{
    ChangePasswordRequest, ChangePasswordResponse, GetSessionRequest, GetSessionResponse, LoginRequest, LoginResponse,
    LogoutRequest, LogoutResponse, session_service_server::SessionService,
};
use isopolity_registry::Error;
use tonic::{Request, Response, Status};
use zeroize::Zeroizing;

use super::{Services, status::status};

#[tonic::async_trait]
impl SessionService for Services {
    async fn login(&self, request: Request<LoginRequest>) -> Result<Response<LoginResponse>, Status> {
        let from = address(&request)?;
        let LoginRequest { user, password } = request.into_inner();
        let new = self.registry.login(&user, Zeroizing::new(password), from).await.map_err(|error| status(&error))?;
        Ok(Response::new(LoginResponse { token: new.secret.to_string(), session: Some(new.session) }))
    }

    async fn logout(&self, request: Request<LogoutRequest>) -> Result<Response<LogoutResponse>, Status> {
        let caller = self.caller(&request)?;
        self.registry.logout(&caller).await.map_err(|error| status(&error))?;
        Ok(Response::new(LogoutResponse {}))
    }

    async fn get_session(&self, request: Request<GetSessionRequest>) -> Result<Response<GetSessionResponse>, Status> {
        let caller = self.caller(&request)?;
        let session = self.registry.whoami(&caller).map_err(|error| status(&error))?;
        Ok(Response::new(GetSessionResponse { session: Some(session) }))
    }

    async fn change_password(
        &self,
        request: Request<ChangePasswordRequest>,
    ) -> Result<Response<ChangePasswordResponse>, Status> {
        let (caller, from) = (self.caller(&request)?, address(&request)?);
        let ChangePasswordRequest { password, new_password } = request.into_inner();
        let (present, new) = (Zeroizing::new(password), Zeroizing::new(new_password));
        let changed = self.registry.change_password(&caller, present, new, from).await;
        changed.map_err(|error| status(&error))?;
        Ok(Response::new(ChangePasswordResponse {}))
    }
}

/// Where the caller calls from.
fn address<T>(request: &Request<T>) -> Result<IpAddr, Status> {
    match request.extensions().get::<CallerAddress>() {
        Some(CallerAddress(address)) => Ok(address.ip()),
        None => Err(status(&Error::internal("a connection of the API has no address"))),
    }
}
