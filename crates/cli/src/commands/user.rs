//! Working with local users.

use std::io::IsTerminal as _;

use isopolity_proto::admin::{
    self, CreateUserRequest, DeleteUserRequest, ListUsersRequest, SetPasswordRequest, UpdateUserRequest,
    user_service_client::UserServiceClient,
};
use prost_types::FieldMask;

use super::token::role_word;
use crate::{
    args::{Global, Output, Password, User},
    connection::{connect, read},
    exit::Exit,
    output,
};

pub(super) async fn run(global: &Global, command: &User) -> Result<(), Exit> {
    let mut users = UserServiceClient::new(connect(global).await?);
    let (user, done) = match command {
        User::List { deleted } => {
            let list = users.list_users(ListUsersRequest { show_deleted: *deleted }).await?.into_inner();
            if global.output == Output::Json {
                return output::json(&list);
            }
            let mut rows = output::table(&["Id", "Name", "Display name", "Role", "State", "Created", "Signed in"]);
            for user in &list.users {
                rows.add_row([
                    user.id.clone(),
                    user.name.clone(),
                    user.display_name.clone(),
                    role_word(user.role()).to_owned(),
                    state(user).to_owned(),
                    output::when(user.create_time.as_ref()),
                    output::when(user.login_time.as_ref()),
                ]);
            }
            return output::line(&rows.to_string());
        }
        User::Create { name, role, display_name, password } => {
            let user = admin::User {
                name: name.clone(),
                display_name: display_name.clone(),
                role: admin::Role::from(*role).into(),
                ..Default::default()
            };
            let request = CreateUserRequest { user: Some(user), password: new_password(password)? };
            (users.create_user(request).await?.into_inner().user, "can sign in")
        }
        User::SetRole { user, role } => {
            let change = admin::User { role: admin::Role::from(*role).into(), ..named(user) };
            (update(&mut users, change, "role").await?, "has another role; sessions have ended")
        }
        User::SetPassword { user, password } => {
            let request = SetPasswordRequest { user: user.clone(), password: new_password(password)? };
            (users.set_password(request).await?.into_inner().user, "has another password; sessions have ended")
        }
        User::Disable { user } => {
            let change = admin::User { disabled: true, ..named(user) };
            (update(&mut users, change, "disabled").await?, "is disabled; sessions have ended")
        }
        User::Enable { user } => (update(&mut users, named(user), "disabled").await?, "may sign in again"),
        User::Delete { user } => {
            let request = DeleteUserRequest { user: user.clone() };
            (users.delete_user(request).await?.into_inner().user, "is deleted; sessions have ended")
        }
    };
    let user = user.ok_or_else(|| Exit::fault("the node did not say which user it was"))?;
    if global.output == Output::Json {
        return output::json(&user);
    }
    output::line(&format!("user {} ({}) {done}", user.name, user.id))
}

type Client = UserServiceClient<isopolity_node::client::Client>;

async fn update(users: &mut Client, user: admin::User, field: &str) -> Result<Option<admin::User>, Exit> {
    let update_mask = Some(FieldMask { paths: vec![field.to_owned()] });
    let request = UpdateUserRequest { user: Some(user), update_mask };
    Ok(users.update_user(request).await?.into_inner().user)
}

/// The id of a request may be a name too.
fn named(user: &str) -> admin::User {
    admin::User { id: user.to_owned(), ..Default::default() }
}

fn state(user: &admin::User) -> &'static str {
    match (user.delete_time.is_some(), user.disabled) {
        (true, _) => "deleted",
        (false, true) => "disabled",
        (false, false) => "",
    }
}

/// A password that is to be set: asked for twice.
pub(super) fn new_password(source: &Password) -> Result<String, Exit> {
    let password = password(source, "New password: ")?;
    if source.password_file.is_none() && ask("Once more: ")? != password {
        return Err(Exit::usage("the two are not the same; nothing was changed"));
    }
    Ok(password)
}

/// A password from a file, or from whoever sits at the terminal.
pub(super) fn password(source: &Password, prompt: &str) -> Result<String, Exit> {
    match &source.password_file {
        Some(file) => {
            let text = read(file)?;
            Ok(text.strip_suffix('\n').map_or(text.as_str(), |line| line.strip_suffix('\r').unwrap_or(line)).to_owned())
        }
        None => ask(prompt),
    }
}

fn ask(prompt: &str) -> Result<String, Exit> {
    if !std::io::stdin().is_terminal() {
        return Err(Exit::usage(
            "there is no terminal to ask for the password: name a file that holds it with --password-file",
        ));
    }
    rpassword::prompt_password(prompt).map_err(|error| Exit::usage(format!("the password can't be read: {error}")))
}
