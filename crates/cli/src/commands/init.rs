//! Preparing a folder for a city.

use std::sync::Arc;

use isopolity_node::{
    CityId, SystemClock,
    init::{InitError, Options, init},
};
use serde_json::json;

use crate::{
    args::{Global, Init, Output},
    exit::Exit,
    output,
};

pub(super) async fn run(global: &Global, arguments: &Init) -> Result<(), Exit> {
    let city: CityId = arguments.city.parse().map_err(|error| Exit::usage(format!("--city: {error}")))?;
    let options = Options {
        storage_url: arguments.storage.clone(),
        federation_listen: arguments.federation_listen.map(|address| address.to_string()),
        federation_endpoint: arguments.federation_endpoint.clone(),
        api_listen: arguments.api_listen.map(|address| address.to_string()),
    };
    let made = init(&global.dir, &city, &options, Arc::new(SystemClock)).await.map_err(|error| match error {
        InitError::Config(_) | InitError::Exists(_) => Exit::usage(error.to_string()),
        InitError::Write { .. } | InitError::Start(_) => Exit::broken(&error),
    })?;
    let token = made.token.as_ref().map(|token| token.as_str());
    let folder = global.dir.display();
    if global.output == Output::Json {
        let answer = json!({"city": city.as_str(), "config": made.config, "token": token});
        return output::line(&answer.to_string());
    }
    output::line(&format!("{city} is ready in {folder}"))?;
    output::line(&format!("  configuration  {}", made.config.display()))?;
    output::line(&format!("  keys           {folder}/trust (keep them secret, and back them up)"))?;
    match token {
        Some(token) => {
            output::line(&format!("\nThe first administrator's token, shown this once:\n\n  {token}\n"))?;
        }
        None => output::line("\nThe database has an administrator's token already; no new one was made.\n")?,
    }
    output::line(&format!(
        "Next:\n  isopolity --dir {folder} serve\n  ISOPOLITY_TOKEN=… isopolity --dir {folder} peer invite"
    ))
}
