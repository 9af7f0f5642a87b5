//! Showing one record of any city.

use isopolity_proto::catalog::{GetRecordRequest, catalog_service_client::CatalogServiceClient};

use crate::{
    args::{Get, Global, Output},
    connection::connect,
    exit::Exit,
    output,
};

pub(super) async fn run(global: &Global, arguments: &Get) -> Result<(), Exit> {
    let mut catalog = CatalogServiceClient::new(connect(global).await?);
    let found = catalog.get_record(GetRecordRequest { name: arguments.name.clone() }).await?.into_inner();
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
