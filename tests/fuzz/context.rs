use isopolity_exchange::Context;
use isopolity_proto::{options::Audience, types::Provenance};

pub(crate) fn context() -> Context {
    Context {
        city: "feira.example".parse().expect("a city"),
        city_names: vec!["feira".into()],
        provenance: Provenance { source: "fuzz".into(), ..Default::default() },
        audience: Audience::Public,
    }
}
