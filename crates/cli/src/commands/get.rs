//! Showing one record of any city.

use isopolity_proto::{
    catalog::{GetRecordRequest, catalog_service_client::CatalogServiceClient},
    options::Audience,
};

use crate::{
    args::{Get, Global, Output, RecordAudience},
    connection::connect,
    exit::Exit,
    output,
};

pub(super) async fn run(global: &Global, arguments: &Get) -> Result<(), Exit> {
    let mut catalog = CatalogServiceClient::new(connect(global).await?);
    let audience = match (arguments.audience, arguments.record) {
        (Some(RecordAudience::Public), _) => Audience::Public,
        (Some(RecordAudience::Federation), _) => Audience::Federation,
        (Some(RecordAudience::Shared), _) => Audience::Shared,
        (Some(RecordAudience::Internal), _) | (None, false) => Audience::Internal,
        // A file leaves the city sooner or later: nothing internal goes into it unless somebody says so.
        (None, true) => Audience::Unspecified,
    };
    let request = GetRecordRequest {
        name: arguments.name.clone(),
        audience: audience.into(),
        purpose: arguments.purpose.clone(),
    };
    let found = catalog.get_record(request).await?.into_inner();
    if arguments.record {
        let envelope = found.envelope.as_ref().ok_or_else(|| Exit::fault("the node sent no record"))?;
        return output::write(isopolity_registry::verify::export(envelope).as_bytes());
    }
    if global.output == Output::Json {
        return output::json(&found);
    }
    output::line(&format!("{} (version {})", arguments.name, found.version))?;
    output::line(&found.resource.as_ref().map(output::resource).unwrap_or_default())
}
