//! Countries as people write them: by code or by name, in the languages of our cities.

use std::{collections::HashMap, sync::LazyLock};

use isopolity_domain::{codes, text::words};

const LIST: &str = "iso3166-1";

/// Names that the list of codes does not have: in German, Dutch, Italian and Portuguese, and as public data has them.
/// Only names that mean one country.
const OTHER_NAMES: [(&str, &str); 92] = [
    ("AF", "Afeganistão"),
    ("AL", "Albanien|Albanië|Albânia"),
    ("AM", "Armenien|Armenië|Arménia|Armênia"),
    ("AR", "Argentinien|Argentinië"),
    ("AT", "Österreich|Oostenrijk|Áustria"),
    ("AU", "Australien|Australië|Austrália"),
    ("AZ", "Aserbaidschan|Azerbeidzjan|Azerbaigian|Azerbaijão"),
    (
        "BA",
        "Bosnia and Herzegovina|Bosnien und Herzegowina|Bosnien|Bosnië en Herzegovina|Bosnia ed Erzegovina|Bósnia e Herzegovina",
    ),
    ("BD", "Bangladesch"),
    ("BE", "Belgien|België|Belgio"),
    ("BG", "Bulgarien|Bulgarije|Bulgária"),
    ("BO", "Bolivien"),
    ("BR", "Brasilien|Brazilië|Brasile"),
    ("BY", "Weißrussland|Wit-Rusland|Bielorussia|Bielorrússia"),
    ("CA", "Kanada"),
    (
        "CD",
        "Democratic Republic of the Congo|DR Congo|Demokratische Republik Kongo|Democratische Republiek Congo|Repubblica Democratica del Congo|República Democrática do Congo",
    ),
    ("CG", "Republic of the Congo|Republik Kongo"),
    ("CH", "Schweiz|Zwitserland|Svizzera|Suíça"),
    ("CI", "Ivory Coast|Elfenbeinküste|Ivoorkust|Costa d'Avorio|Costa do Marfim"),
    ("CM", "Kamerun|Kameroen|Camerun|Camarões"),
    ("CN", "People's Republic of China|Volksrepublik China|Volksrepubliek China|Cina"),
    ("CO", "Kolumbien|Colômbia"),
    ("CU", "Kuba"),
    ("CV", "Cabo Verde|Kap Verde|Kaapverdië|Capo Verde"),
    ("CY", "Zypern|Cipro|Chipre"),
    ("CZ", "Czech Republic|Tschechien|Tschechische Republik|Tsjechië|Cechia|Repubblica Ceca|Chéquia|República Checa"),
    ("DE", "Deutschland|Bundesrepublik Deutschland|Duitsland|Germania|Alemanha"),
    ("DK", "Dänemark|Denemarken|Danimarca"),
    ("DZ", "Algerien|Algerije|Argélia"),
    ("EE", "Estland|Estónia|Estônia"),
    ("EG", "Ägypten|Egitto|Egito"),
    ("ER", "Eritreia"),
    ("ES", "Spanien|Spanje|Spagna|Espanha"),
    ("ET", "Äthiopien|Ethiopië|Etiopia"),
    ("FI", "Finnland|Finlândia"),
    ("FO", "Faroe Islands|Färöer|Faeröer"),
    ("FR", "Frankreich|Frankrijk|França"),
    (
        "GB",
        "UK|Great Britain|Vereinigtes Königreich|Großbritannien|Verenigd Koninkrijk|Groot-Brittannië|Regno Unito|Gran Bretagna",
    ),
    ("GE", "Georgien|Georgië"),
    ("GL", "Grönland|Groenland"),
    ("GM", "The Gambia"),
    ("GR", "EL|Griechenland|Griekenland|Grécia"),
    ("GW", "Guiné-Bissau|Guinee-Bissau"),
    ("HR", "Kroatien|Kroatië|Croazia|Croácia"),
    ("HU", "Ungarn|Hongarije|Ungheria|Hungria"),
    ("ID", "Indonesien|Indonesië"),
    ("IE", "Republic of Ireland|Irland|Ierland"),
    ("IN", "Indien"),
    ("IQ", "Iraque"),
    ("IR", "Irão|Irã"),
    ("IS", "Island|Ijsland|Islanda|Islândia"),
    ("IT", "Italien|Italië|Itália"),
    ("JO", "Jordanien|Jordanië|Giordania"),
    ("JP", "Giappone|Japão"),
    ("KE", "Quénia|Quênia"),
    ("KR", "Südkorea|Zuid-Korea|Corea del Sud|Coreia do Sul"),
    ("KZ", "Kasachstan|Kazachstan|Kazakistan|Cazaquistão"),
    ("LB", "Libanon"),
    ("LK", "Ceylon"),
    ("LT", "Litauen|Litouwen|Lituânia"),
    ("LU", "Luxemburg|Lussemburgo"),
    ("LV", "Lettland|Letland|Lettonia|Letónia|Letônia"),
    ("LY", "Libyen|Libië"),
    ("MA", "Marokko|Marocco|Marrocos"),
    ("MD", "Moldau|Republik Moldau|Moldawien|Moldavië|Moldávia"),
    (
        "MK",
        "Republic of Macedonia|Macedonia|Nordmazedonien|Mazedonien|Noord-Macedonië|Macedonia del Nord|Macedónia do Norte",
    ),
    ("MX", "Mexiko|Messico"),
    ("MZ", "Mosambik|Mozambico|Moçambique"),
    ("NL", "Holland|Niederlande|Nederland|Paesi Bassi|Olanda|Países Baixos|Holanda"),
    ("NO", "Norwegen|Noorwegen|Norvegia"),
    ("PH", "Philippinen|Filipijnen|Filippine"),
    ("PL", "Polen|Polónia|Polônia"),
    ("PS", "State of Palestine|Palästina|Palestijnse gebieden"),
    ("RO", "Rumänien|Roemenië|Roménia|Romênia"),
    ("RS", "Serbien|Servië|Sérvia"),
    ("RU", "Russian Federation|Russland|Rusland|Rússia"),
    ("SE", "Schweden|Zweden|Svezia"),
    ("SI", "Slowenien|Slovenië|Eslovénia|Eslovênia"),
    ("SK", "Slowakei|Slowakije|Slovacchia"),
    ("ST", "Sao Tomé and Príncipe|São Tomé e Príncipe|São Tomé und Príncipe"),
    ("SY", "Syrien|Syrië"),
    ("TL", "East Timor|Osttimor|Oost-Timor|Timor Est"),
    ("TN", "Tunesien|Tunesië|Tunísia"),
    ("TR", "Turkey|Türkei|Turkije|Turchia"),
    ("TZ", "Tansania"),
    ("UA", "Oekraïne|Ucraina|Ucrânia"),
    (
        "US",
        "USA|United States of America|Vereinigte Staaten|Vereinigte Staaten von Amerika|Verenigde Staten|Stati Uniti",
    ),
    ("UZ", "Usbekistan|Oezbekistan"),
    ("VE", "Venezuela"),
    ("VN", "Vietnam|Viet Nam"),
    ("XK", "Kosovo"),
    ("ZA", "Südafrika|Zuid-Afrika|Sudafrica|África do Sul"),
];

/// The code by each name and each other code, in words.
static BY_NAME: LazyLock<HashMap<String, String>> = LazyLock::new(|| {
    let mut by_name = HashMap::new();
    for country in codes::entries(LIST, "", usize::MAX, "").unwrap_or_default() {
        let labels = country.labels.iter().map(|label| label.text.as_ref());
        for name in labels.chain(country.note("alpha3")).chain([country.code.as_ref()]) {
            by_name.insert(bare(name), country.code.to_string());
        }
    }
    for (code, names) in OTHER_NAMES {
        by_name.extend(names.split('|').map(|name| (bare(name), code.to_owned())));
    }
    by_name
});

fn bare(name: &str) -> String {
    words(name).join(" ")
}

/// The code of a country (ISO 3166-1 alpha-2, or `XK`) by one of its codes or names. Nothing is guessed: a slip is told with
/// what was probably meant.
///
/// # Errors
/// What was probably meant.
pub(crate) fn code_of(text: &str) -> Result<String, String> {
    let start: String = text.chars().take(100).collect();
    match BY_NAME.get(&bare(&start)) {
        Some(code) => Ok(code.clone()),
        None => codes::check(LIST, text).map(|()| text.to_owned()).map_err(|error| error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_country_is_known_by_its_codes_and_names() {
        for (text, code) in [
            ("PT", "PT"),
            ("pt", "PT"),
            ("PRT", "PT"),
            ("Deutschland", "DE"),
            ("MAROC", "MA"),
            ("Côte d'Ivoire", "CI"),
            ("cote d ivoire", "CI"),
            ("Türkei", "TR"),
            ("المغرب", "MA"),
            ("Czech Republic", "CZ"),
            ("UK", "GB"),
        ] {
            assert_eq!(code_of(text).as_deref(), Ok(code), "{text}");
        }
    }

    #[test]
    fn a_slip_is_not_taken_for_a_country() {
        for text in ["Marroco", "TR1", "Atlantis", "Guinea Bisau", ""] {
            assert!(code_of(text).is_err(), "{text}");
        }
        assert!(code_of("Morroco").unwrap_err().contains("MA"), "{:?}", code_of("Morroco"));
    }

    #[test]
    fn no_name_means_two_countries() {
        let mut seen: BTreeMap<String, String> = BTreeMap::new();
        let countries = codes::entries(LIST, "", usize::MAX, "").unwrap();
        assert_eq!(countries.len(), 250);
        let listed = countries.iter().flat_map(|country| {
            let names = country
                .labels
                .iter()
                .map(|label| label.text.to_string())
                .chain(country.note("alpha3").map(str::to_owned));
            names.map(|name| (name, country.code.to_string())).collect::<Vec<_>>()
        });
        let others = OTHER_NAMES
            .iter()
            .flat_map(|(code, names)| names.split('|').map(|name| (name.to_owned(), (*code).to_owned())));
        for (name, code) in listed.chain(others) {
            let before = seen.insert(bare(&name), code.clone());
            assert!(before.is_none_or(|before| before == code), "{name} means {code} and another");
        }
    }
}
