//! The messages and services of Isopolity, generated from `proto/`.
//!
//! The `.proto` files are the product's contract; this crate adds what Rust needs around them and no rule of its own:
//!
//! * the generated modules, one for each package: [`registry`], [`catalog`], [`federation`], [`cooperation`],
//!   [`insight`], [`admin`], [`types`], [`options`], [`error`];
//! * [`DESCRIPTORS`] and [`pool`]: the compiled descriptors, with the field options, for reflection;
//! * [`field`]: what the field options say about a field;
//! * [`json`]: the canonical protobuf JSON form of any message.

pub mod field;
pub mod json;

use std::sync::LazyLock;

use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor};

#[allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::pedantic,
    clippy::allow_attributes_without_reason,
    reason = "generated code; its documentation is that of the proto files"
)]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/isopolity.rs"));
}

/// `isopolity.admin.v1`: peers, people and tokens, the audit log, the node. With what of `isopolity.federation.v1` its messages hold
/// as their own.
pub mod admin {
    pub use super::{
        federation::{
            Granularity, LegalBasis, PeerState, SharingAgreement, SharingPurpose, SharingRates, TransferTool,
        },
        generated::isopolity::admin::v1::*,
    };
}
/// `isopolity.catalog.v1`: search across cities.
pub use generated::isopolity::catalog::v1 as catalog;
/// `isopolity.cooperation.v1`: working together with other cities.
pub use generated::isopolity::cooperation::v1 as cooperation;
/// `isopolity.error.v1`: the reasons that an error can carry.
pub use generated::isopolity::error::v1 as error;
/// `isopolity.federation.v1`: what passes between two nodes.
pub use generated::isopolity::federation::v1 as federation;
/// `isopolity.insight.v1`: what the federation's records say together.
pub use generated::isopolity::insight::v1 as insight;
/// `isopolity.options.v1`: audiences and field options.
pub use generated::isopolity::options::v1 as options;
/// `isopolity.registry.v1`: a city's own records.
pub use generated::isopolity::registry::v1 as registry;
/// `isopolity.type.v1`: shared messages.
pub use generated::isopolity::r#type::v1 as types;

/// All descriptors as a serialized `google.protobuf.FileDescriptorSet`, imports, comments and custom options included.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.binpb"));

static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| match DescriptorPool::decode(DESCRIPTORS) {
    Ok(pool) => pool,
    // The bytes were made by this crate's build script; a test decodes them.
    Err(error) => unreachable!("the built-in descriptors are damaged: {error}"),
});

/// The descriptors of all messages.
#[must_use]
pub fn pool() -> &'static DescriptorPool {
    &POOL
}

/// The descriptor of a generated message.
#[must_use]
pub fn descriptor<M: prost::Name>() -> MessageDescriptor {
    match POOL.get_message_by_name(&M::full_name()) {
        Some(descriptor) => descriptor,
        None => unreachable!("{} was generated from the same descriptors", M::full_name()),
    }
}

/// The message in the form that can be walked by its descriptor.
#[must_use]
pub fn to_dynamic<M: prost::Name>(message: &M) -> DynamicMessage {
    let mut dynamic = DynamicMessage::new(descriptor::<M>());
    if let Err(error) = dynamic.transcode_from(message) {
        unreachable!("{} was generated from the same descriptors: {error}", M::full_name());
    }
    dynamic
}

/// The type URL that `google.protobuf.Any` carries for messages of this full name.
#[must_use]
pub fn type_url(full_name: &str) -> String {
    format!("type.googleapis.com/{full_name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_descriptors_hold_every_package() {
        for package in
            ["options", "type", "registry", "catalog", "federation", "cooperation", "insight", "admin", "error"]
        {
            let full = format!("isopolity.{package}.v1");
            assert!(pool().files().any(|file| file.package_name() == full), "{full} is missing");
        }
    }

    #[test]
    fn a_message_survives_the_way_to_its_dynamic_form_and_back() {
        let place = types::Place { country: "PT".into(), geonames_id: 2_739_723, ..Default::default() };
        let back: types::Place = to_dynamic(&place).transcode_to().unwrap();
        assert_eq!(back, place);
    }
}
