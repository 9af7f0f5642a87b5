//! What an audience's records are like, for peers that want to know whether to ask.

use isopolity_domain::{
    CityId,
    digest::{SALT_BYTES, word_filter},
    facet,
    sight::Sight,
    text::ANALYSER,
};
use isopolity_proto::{federation::Digest, options::Facet};
use prost_types::Timestamp;
use tantivy::TantivyError;

use crate::{counting::Counts, snapshot::Snapshot};

/// In so many words those that stand beside each other are looked for: with more the digest would grow beyond what peers should
/// keep of a city, and most phrases would occur anyway.
const PAIRED_WORDS_MAX: i64 = 100_000;

/// Makes the digest of the records that are seen. Nothing in it comes from others, nor from what was deleted.
pub(crate) fn digest(
    snapshot: &Snapshot,
    city: &CityId,
    sight: &Sight,
    create_time: Timestamp,
    salt: [u8; SALT_BYTES],
) -> Result<Digest, TantivyError> {
    let mut facets: Vec<_> =
        facet::ALL.into_iter().filter(|facet| *facet != Facet::City).map(|facet| (facet, Counts::default())).collect();
    let mut words: Vec<(String, bool)> = Vec::new();
    let statistics = snapshot.statistics(&[], sight)?;
    let pairs = statistics.title_words.saturating_add(statistics.body_words) <= PAIRED_WORDS_MAX;
    for segment in &snapshot.segments {
        let Some(visible) = segment.visible(sight)?.filter(|visible| visible.count > 0) else { continue };
        for (facet, counts) in &mut facets {
            counts.add(*facet, &snapshot.fields, segment, &visible.documents, visible.count)?;
        }
        for (field, in_title) in [(snapshot.fields.title, true), (snapshot.fields.body, false)] {
            segment.words(field, &visible, |word| words.push((word.to_owned(), in_title)))?;
            if pairs {
                segment.pairs(field, &visible, |pair| words.push((pair, in_title)))?;
            }
        }
    }
    Ok(Digest {
        city: city.to_string(),
        epoch: snapshot.position.epoch.clone(),
        sequence: snapshot.position.sequence,
        create_time: Some(create_time),
        audience: sight.audience().into(),
        analyser: ANALYSER.to_owned(),
        statistics: Some(statistics),
        facets: facets.into_iter().map(|(facet, counts)| counts.into_counts(facet)).collect(),
        words: Some(word_filter(words, salt)),
        pairs,
    })
}
