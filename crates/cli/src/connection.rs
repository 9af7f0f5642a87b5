//! From the command line's options to a channel.

use std::{
    env, fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::Path,
};

use isopolity_node::{
    Config,
    client::{self, Client, ClientError},
};

use crate::{args::Global, exit::Exit, session};

/// Connects to the node that the options name, or to that of the folder.
pub(crate) async fn connect(global: &Global) -> Result<Client, Exit> {
    let address = address(global)?;
    let token = token(global, &address)?;
    connect_with(global, &address, token.as_deref()).await
}

/// The same as nobody in particular.
pub(crate) async fn connect_without_token(global: &Global) -> Result<Client, Exit> {
    connect_with(global, &address(global)?, None).await
}

/// Where the node is.
pub(crate) fn address(global: &Global) -> Result<String, Exit> {
    match &global.node {
        Some(address) => Ok(address.clone()),
        None => own_address(&global.dir),
    }
}

async fn connect_with(global: &Global, address: &str, token: Option<&str>) -> Result<Client, Exit> {
    let ca = global.ca.clone().unwrap_or_else(|| global.dir.join("trust").join("ca.pem"));
    let root = fs::read_to_string(&ca).map_err(|error| {
        Exit::usage(format!("{} can't be read: {error}; name the certificate of the city's CA with --ca", ca.display()))
    })?;
    client::connect(address, &root, token).await.map_err(|error| match error {
        ClientError::Authority(_) => Exit::usage(format!("{} holds no CA certificate in PEM form", ca.display())),
        ClientError::Unreachable { address, cause } if cause.contains("invalid peer certificate") => {
            Exit::unreachable(format!("what answers at {address} has no certificate from {}: {cause}", ca.display()))
        }
        other => other.into(),
    })
}

/// Where the node of the folder listens.
fn own_address(folder: &Path) -> Result<String, Exit> {
    let config = Config::load(folder, environment()).map_err(|error| Exit::usage(error.to_string()))?;
    let mut listen = config.api.listen;
    if listen.port() == 0 {
        return Err(Exit::usage(
            "api.listen leaves the port to the system: name the node's address with --node, its log has it",
        ));
    }
    // One that listens on every address is reached on the nearest.
    match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => listen.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => listen.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    Ok(listen.to_string())
}

/// The variables of the environment. A name that is not UTF-8 is none of ours.
pub(crate) fn environment() -> impl Iterator<Item = (String, String)> {
    env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.to_string_lossy().into_owned())))
}

/// The token: of the file, of the environment, or of the session.
fn token(global: &Global, address: &str) -> Result<Option<String>, Exit> {
    if let Some(file) = &global.token_file {
        return Ok(Some(read(file)?.trim().to_owned()));
    }
    match env::var("ISOPOLITY_TOKEN").ok().filter(|token| !token.is_empty()) {
        Some(token) => Ok(Some(token)),
        None => session::find(address),
    }
}

/// Reads a text file, or says which one can't be read.
pub(crate) fn read(file: &Path) -> Result<String, Exit> {
    fs::read_to_string(file).map_err(|error| Exit::usage(format!("{} can't be read: {error}", file.display())))
}

/// Reads a file, or says which one can't be read.
pub(crate) fn read_bytes(file: &Path) -> Result<Vec<u8>, Exit> {
    fs::read(file).map_err(|error| Exit::usage(format!("{} can't be read: {error}", file.display())))
}
