//! What a service for enterprises must say.

use isopolity_proto::registry::SupportService;

use super::{
    findings::{Findings, below, entry},
    named,
};
use crate::{Kind, Name};

pub(super) fn check(service: &SupportService, found: &mut Findings) {
    found.must_have_audience(service.audience);
    found.must_hold(1, service.titles.len(), "titles");
    let fields = ("provider", "provider_names");
    found.must_name_or_call(Kind::Organization, &service.provider, service.provider_names.len(), fields);
    found.must_be_stated(service.side, "side");
    found.must_hold(1, service.stages.len(), "stages");
    found.must_hold(1, service.languages.len(), "languages");
    for (at, usage) in service.uses.iter().enumerate() {
        let path = entry("uses", at);
        if usage.year == 0 {
            found.required(&below(&path, "year"));
        }
        if usage.diaspora_enterprises > usage.enterprises {
            let field = below(&path, "diaspora_enterprises");
            found.invalid(
                &field,
                format!("are more than the {} enterprises of which they are a part", usage.enterprises),
            );
        }
    }
}

pub(super) fn references(service: &SupportService) -> Vec<(String, Name)> {
    named(Kind::Organization, [("provider".to_owned(), &service.provider)]).collect()
}
