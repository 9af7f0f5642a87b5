//! Local users.

use isopolity_domain::Violation;
use isopolity_proto::admin::{
    CreateUserRequest, CreateUserResponse, DeleteUserRequest, DeleteUserResponse, GetUserRequest, GetUserResponse,
    ListUsersRequest, ListUsersResponse, SetPasswordRequest, SetPasswordResponse, UpdateUserRequest,
    UpdateUserResponse, User, user_service_server::UserService,
};
use isopolity_registry::{Error, user::UserChange};
use tonic::{Request, Response, Status};
use zeroize::Zeroizing;

use super::{Services, status::status};

#[tonic::async_trait]
impl UserService for Services {
    async fn create_user(&self, request: Request<CreateUserRequest>) -> Result<Response<CreateUserResponse>, Status> {
        let caller = self.caller(&request)?;
        let CreateUserRequest { user, password } = request.into_inner();
        let (user, password) = (required(user)?, Zeroizing::new(password));
        let user = self.registry.create_user(&caller, &user, password).await.map_err(|error| status(&error))?;
        Ok(Response::new(CreateUserResponse { user: Some(user) }))
    }

    async fn get_user(&self, request: Request<GetUserRequest>) -> Result<Response<GetUserResponse>, Status> {
        let caller = self.caller(&request)?;
        let user = self.registry.user(&caller, &request.get_ref().user).await.map_err(|error| status(&error))?;
        Ok(Response::new(GetUserResponse { user: Some(user) }))
    }

    async fn list_users(&self, request: Request<ListUsersRequest>) -> Result<Response<ListUsersResponse>, Status> {
        let caller = self.caller(&request)?;
        let users = self.registry.users(&caller, request.get_ref().show_deleted).await;
        Ok(Response::new(ListUsersResponse { users: users.map_err(|error| status(&error))? }))
    }

    async fn update_user(&self, request: Request<UpdateUserRequest>) -> Result<Response<UpdateUserResponse>, Status> {
        let caller = self.caller(&request)?;
        let UpdateUserRequest { user, update_mask } = request.into_inner();
        let user = required(user)?;
        let paths = update_mask.map(|mask| mask.paths).unwrap_or_default();
        let change = change(&user, &paths).map_err(|violation| status(&violation.into()))?;
        let named = if user.id.is_empty() { &user.name } else { &user.id };
        let user = self.registry.update_user(&caller, named, change).await.map_err(|error| status(&error))?;
        Ok(Response::new(UpdateUserResponse { user: Some(user) }))
    }

    async fn set_password(
        &self,
        request: Request<SetPasswordRequest>,
    ) -> Result<Response<SetPasswordResponse>, Status> {
        let caller = self.caller(&request)?;
        let SetPasswordRequest { user, password } = request.into_inner();
        let set = self.registry.set_password(&caller, &user, Zeroizing::new(password)).await;
        Ok(Response::new(SetPasswordResponse { user: Some(set.map_err(|error| status(&error))?) }))
    }

    async fn delete_user(&self, request: Request<DeleteUserRequest>) -> Result<Response<DeleteUserResponse>, Status> {
        let caller = self.caller(&request)?;
        let user = self.registry.delete_user(&caller, &request.get_ref().user).await.map_err(|error| status(&error))?;
        Ok(Response::new(DeleteUserResponse { user: Some(user) }))
    }
}

fn required(user: Option<User>) -> Result<User, Status> {
    user.ok_or_else(|| status(&Error::from(Violation::required("user"))))
}

/// What a mask names of a user; without one, all that can be changed.
fn change(user: &User, paths: &[String]) -> Result<UserChange, Violation> {
    let all = ["display_name", "role", "disabled"].map(str::to_owned);
    let mut change = UserChange::default();
    for path in if paths.is_empty() { &all[..] } else { paths } {
        match path.as_str() {
            "display_name" => change.display_name = Some(user.display_name.clone()),
            "role" => change.role = Some(user.role()),
            "disabled" => change.disabled = Some(user.disabled),
            _ => {
                let path: String = path.chars().take(100).collect();
                return Err(Violation::invalid(
                    "update_mask",
                    format!("{path:?} is not display_name, role or disabled"),
                ));
            }
        }
    }
    Ok(change)
}
