//! Variables `ISOPOLITY_…`, which override the file.

use std::{fs, str::FromStr};

use super::{ConfigError, Document, metrics};
use crate::telemetry::LogFormat;

type Override = fn(&mut Document, &str) -> Result<(), String>;

/// The variables, and what each overrides.
const VARIABLES: [(&str, Override); 13] = [
    ("ISOPOLITY_CITY", |document, value| {
        value.clone_into(&mut document.city);
        Ok(())
    }),
    ("ISOPOLITY_STORAGE_URL", |document, value| {
        value.clone_into(&mut document.storage.url);
        Ok(())
    }),
    ("ISOPOLITY_STORAGE_URL_FILE", |document, value| {
        let url = fs::read_to_string(value).map_err(|error| format!("{value} can't be read: {error}"))?;
        url.trim().clone_into(&mut document.storage.url);
        Ok(())
    }),
    ("ISOPOLITY_FEDERATION_LISTEN", |document, value| parsed(value, &mut document.federation.listen)),
    ("ISOPOLITY_FEDERATION_ENDPOINT", |document, value| {
        document.federation.endpoint = Some(value.to_owned());
        Ok(())
    }),
    ("ISOPOLITY_FEDERATION_ALLOW_PRIVATE_ADDRESSES", |document, value| {
        parsed(value, &mut document.federation.allow_private_addresses)
    }),
    ("ISOPOLITY_API_LISTEN", |document, value| parsed(value, &mut document.api.listen)),
    ("ISOPOLITY_API_HOSTS", |document, value| {
        document.api.hosts = value.split(',').map(|host| host.trim().to_owned()).collect();
        Ok(())
    }),
    ("ISOPOLITY_API_ANONYMOUS_READS", |document, value| parsed(value, &mut document.api.anonymous_reads)),
    ("ISOPOLITY_API_TOKEN_DAYS", |document, value| parsed(value, &mut document.api.token_days)),
    ("ISOPOLITY_METRICS_LISTEN", |document, value| {
        document.metrics.listen = Some(metrics::parse(value)?);
        Ok(())
    }),
    ("ISOPOLITY_LOG_FORMAT", |document, value| {
        document.log.format = match value {
            "text" => LogFormat::Text,
            "json" => LogFormat::Json,
            _ => return Err(format!("{value:?} is neither text nor json")),
        };
        Ok(())
    }),
    ("ISOPOLITY_LOG_LEVEL", |document, value| {
        value.clone_into(&mut document.log.level);
        Ok(())
    }),
];

/// Variables of this prefix that are for the command line and not for the configuration.
const OTHERS: [&str; 4] = ["ISOPOLITY_DIR", "ISOPOLITY_NODE", "ISOPOLITY_TOKEN", "ISOPOLITY_CA"];

fn parsed<T: FromStr<Err: std::fmt::Display>>(value: &str, into: &mut T) -> Result<(), String> {
    *into = value.parse().map_err(|error| format!("{value:?} is not right: {error}"))?;
    Ok(())
}

/// Overrides what the file says by what the environment does.
pub(super) fn apply(
    document: &mut Document,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<(), ConfigError> {
    for (variable, value) in environment {
        if !variable.starts_with("ISOPOLITY_")
            || variable.starts_with("ISOPOLITY_TEST_")
            || OTHERS.contains(&variable.as_str())
        {
            continue;
        }
        match VARIABLES.iter().find(|(name, _)| *name == variable) {
            Some((_, apply)) => apply(document, &value).map_err(|what| ConfigError::new(variable, what))?,
            None => return Err(ConfigError::new(variable, "is not a variable that a node knows")),
        }
    }
    Ok(())
}
