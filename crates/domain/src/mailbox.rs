//! Whether a mailbox is an office's or a person's, as far as its address shows.

use isopolity_proto::types::ContactPoint;

use crate::text;

/// How words begin that offices are called by, folded, in languages in which cities write.
const OFFICE: [&str; 60] = [
    "accueil",
    "admin",
    "agenc",
    "agent",
    "alcald",
    "allgemein",
    "amt",
    "apoio",
    "assoc",
    "atencion",
    "berat",
    "biuro",
    "bureau",
    "buro",
    "cabinet",
    "camara",
    "camera",
    "centr",
    "chamb",
    "city",
    "comerc",
    "comm",
    "comun",
    "consult",
    "contact",
    "cooper",
    "coord",
    "desarroll",
    "desenvolv",
    "develop",
    "direc",
    "econom",
    "empres",
    "enterpr",
    "europ",
    "export",
    "foment",
    "gabinet",
    "gemeinde",
    "general",
    "geral",
    "help",
    "inform",
    "integra",
    "internation",
    "invest",
    "kontakt",
    "kooper",
    "mairie",
    "municip",
    "office",
    "poczta",
    "presid",
    "project",
    "relac",
    "relation",
    "secret",
    "servic",
    "stadt",
    "urzad",
];

/// Whether a mailbox is clearly a person's: it holds a word of the person's name, or is of the shape `name.surname` or
/// `n.surname` and shares no word with the office that it is of, nor with what offices are called elsewhere.
#[must_use]
pub fn is_personal(contact: &ContactPoint) -> bool {
    let Some((local, _)) = contact.mailbox.split_once('@') else { return false };
    let local = text::fold(local);
    let parts: Vec<&str> = local.split(['.', '_', '-']).filter(|part| !part.is_empty()).collect();
    let function = text::words(&contact.function);
    let is_of_office = parts.iter().any(|part| {
        OFFICE.iter().any(|stem| part.starts_with(stem))
            || function.iter().any(|word| word.len() > 2 && (part.starts_with(word.as_str()) || word.starts_with(part)))
    });
    let person = text::words(&contact.person_name);
    if parts.iter().any(|part| part.len() > 2 && person.iter().any(|word| word == part)) {
        return !is_of_office;
    }
    // Two names, with a dot: other signs are as common in the names of offices.
    let mut names = local.split('.');
    let (Some(first), Some(last), None) = (names.next(), names.next(), names.next()) else { return false };
    let is_name = |part: &str, least: usize| {
        part.chars().count() >= least && part.chars().all(|letter| letter.is_alphabetic() || letter == '-')
    };
    is_name(first, 1) && is_name(last, 3) && !is_of_office
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(mailbox: &str, function: &str, person_name: &str) -> ContactPoint {
        ContactPoint {
            mailbox: mailbox.into(),
            function: function.into(),
            person_name: person_name.into(),
            ..Default::default()
        }
    }

    #[test]
    fn a_mailbox_of_name_and_surname_is_a_persons() {
        for mailbox in [
            "joana.silva@feira.example",
            "j.silva@feira.example",
            "Zoé.Müller@geneve.example",
            "jean-marc.dupont@ville.example",
        ] {
            assert!(is_personal(&at(mailbox, "Economy office", "")), "{mailbox}");
        }
        assert!(is_personal(&at("silva@feira.example", "Economy office", "Joana Silva")));
        assert!(is_personal(&at("joana_silva@feira.example", "Economy office", "Joana Silva")));
    }

    #[test]
    fn a_mailbox_of_an_office_is_not_whatever_its_shape() {
        for (mailbox, function) in [
            ("economia@feira.example", "Economy office"),
            ("relations.internationales@ville.example", "Mairie"),
            ("desarrollo.local@ayuntamiento.example", "Oficina"),
            ("a.b@feira.example", "Office"),
            ("twin.towns@city.example", "Twin town office"),
            ("gabinete.da.presidencia@feira.example", "Gabinete"),
            ("diaspora2026@feira.example", "Campaign"),
            ("", "Office"),
        ] {
            assert!(!is_personal(&at(mailbox, function, "")), "{mailbox}");
        }
        assert!(!is_personal(&at("economia@feira.example", "Economia", "Joana Silva")));
    }
}
