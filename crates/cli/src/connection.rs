//! From the command line's options to a channel.

use std::{env, fs, path::Path};

use isopolity_node::{
    Config,
    client::{self, Client},
};

use crate::{args::Global, exit::Exit};

/// Connects to the node that the options name, or to that of the folder.
pub(crate) async fn connect(global: &Global) -> Result<Client, Exit> {
    let address = if let Some(address) = &global.node {
        address.clone()
    } else {
        let config = Config::load(&global.dir, env::vars()).map_err(|error| Exit::usage(error.to_string()))?;
        config.api.listen.to_string()
    };
    let ca = global.ca.clone().unwrap_or_else(|| global.dir.join("trust").join("ca.pem"));
    let root = read(&ca)?;
    let token = token(global)?;
    Ok(client::connect(&address, &root, token.as_deref()).await?)
}

fn token(global: &Global) -> Result<Option<String>, Exit> {
    if let Some(file) = &global.token_file {
        return Ok(Some(read(file)?.trim().to_owned()));
    }
    Ok(env::var("ISOPOLITY_TOKEN").ok().filter(|token| !token.is_empty()))
}

/// Reads a text file, or says which one can't be read.
pub(crate) fn read(file: &Path) -> Result<String, Exit> {
    fs::read_to_string(file).map_err(|error| Exit::usage(format!("{} can't be read: {error}", file.display())))
}

/// Reads a file, or says which one can't be read.
pub(crate) fn read_bytes(file: &Path) -> Result<Vec<u8>, Exit> {
    fs::read(file).map_err(|error| Exit::usage(format!("{} can't be read: {error}", file.display())))
}
