//! Checking an exported record offline.

use isopolity_registry::verify::verify;
use serde_json::json;

use crate::{
    args::{Global, Output, Verify},
    connection::read_bytes,
    exit::Exit,
    output,
};

pub(super) fn run(global: &Global, arguments: &Verify) -> Result<(), Exit> {
    let (record, bundle) = (read_bytes(&arguments.file)?, read_bytes(&arguments.bundle)?);
    let file = arguments.file.display();
    let verified =
        verify(&record, &bundle).map_err(|error| Exit::refused(format!("{file} is not to be believed: {error}")))?;
    let record = verified.record;
    if global.output == Output::Json {
        let answer = json!({
            "verified": true,
            "city": record.city,
            "name": record.name,
            "version": record.version.to_string(),
            "publishTime": record.publish_time.as_ref().map(|time| output::when(Some(time))),
            "bundleFingerprint": verified.bundle_fingerprint,
        });
        return output::line(&answer.to_string());
    }
    output::line(&format!("{file} is as {} signed it.", record.city))?;
    output::line(&format!("  name       {}", record.name))?;
    output::line(&format!(
        "  version    {}, published {}",
        record.version,
        output::when(record.publish_time.as_ref())
    ))?;
    output::line(&format!("  bundle     {} (compare it with the city's)", verified.bundle_fingerprint))
}
