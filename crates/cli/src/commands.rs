//! One module for each command.

mod audit;
mod codes;
mod cooperation;
mod delivery;
mod demo;
mod directory;
mod export;
mod get;
mod import;
mod inbox;
mod init;
mod insight;
mod login;
mod matching;
mod peer;
mod peering;
mod privacy;
mod quarantine;
mod question;
mod readiness;
mod record;
mod search;
mod serve;
mod sharing;
mod stage;
mod token;
mod trust;
mod user;
mod verify;
mod watch;

use std::process::ExitCode;

use clap::CommandFactory as _;

use crate::{
    args::{Arguments, Command},
    exit::Exit,
    output,
};

/// Runs the command.
pub(crate) async fn run(arguments: Arguments) -> Result<ExitCode, Exit> {
    let Arguments { global, command } = arguments;
    match command {
        Command::Demo(demo) => demo::run(&global, &demo).await?,
        Command::Init(init) => init::run(&global, &init).await?,
        Command::Serve => serve::run(&global).await?,
        Command::Import(import) => return import::run(&global, &import).await,
        Command::Search(search) => search::run(&global, &search).await?,
        Command::Watch(watch) => watch::run(&global, &watch).await?,
        Command::Suggest(suggest) => insight::suggest(&global, &suggest).await?,
        Command::Overlaps(overlaps) => insight::overlaps(&global, &overlaps).await?,
        Command::Status(status) => insight::status(&global, &status).await?,
        Command::Get(get) => get::run(&global, &get).await?,
        Command::Record(record) => record::run(&global, &record).await?,
        Command::Export(export) => export::run(&global, &export).await?,
        Command::Quarantine(quarantine) => quarantine::run(&global, &quarantine).await?,
        Command::Codes(codes) => codes::run(&global, &codes).await?,
        Command::Matching(matching) => matching::run(&global, &matching).await?,
        Command::Readiness(readiness) => readiness::run(&global, &readiness).await?,
        Command::Stage(stage) => stage::run(&global, &stage).await?,
        Command::Cooperation(cooperation) => cooperation::run(&global, &cooperation).await?,
        Command::Inbox(inbox) => inbox::run(&global, &inbox).await?,
        Command::Delivery(delivery) => delivery::run(&global, &delivery).await?,
        Command::Verify(verify) => verify::run(&global, &verify)?,
        Command::Peer(peer) => peer::run(&global, &peer).await?,
        Command::Privacy(privacy) => privacy::run(&global, &privacy).await?,
        Command::Directory(directory) => directory::run(&global, &directory).await?,
        Command::Sharing(sharing) => sharing::run(&global, &sharing).await?,
        Command::Trust(trust) => trust::run(&global, &trust).await?,
        Command::Token(token) => token::run(&global, &token).await?,
        Command::Audit(audit) => audit::run(&global, &audit).await?,
        Command::User(user) => user::run(&global, &user).await?,
        Command::Login(login) => login::login(&global, &login).await?,
        Command::Logout => login::logout(&global).await?,
        Command::Whoami => login::whoami(&global).await?,
        Command::ChangePassword(change) => login::change_password(&global, &change).await?,
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "isopolity", &mut script);
            output::write(&script)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
