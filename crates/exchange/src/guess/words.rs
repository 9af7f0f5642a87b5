//! What columns are called in offices, in English, French, German, Spanish, Portuguese, Italian and Dutch.

/// What a column means, as far as its name or its values tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Meaning {
    Name,
    ShortText,
    Country,
    OriginCountry,
    City,
    Partner,
    PartnerCountry,
    Latitude,
    Longitude,
    Population,
    RegisterNumber,
    Lei,
    Wikidata,
    GeoNames,
    Locode,
    Mailbox,
    Phone,
    Website,
    Sector,
    Kind,
    Status,
    Stage,
    Size,
    Languages,
    Signed,
    Start,
    End,
    Verified,
    Amount,
    Currency,
}

/// For each meaning and language the usual names, folded, with `|` between them.
const WORDS: [(Meaning, [(&str, &str); 7]); 30] = {
    use Meaning as M;
    [
        (
            M::Name,
            [
                ("en", "name|title|company|company name|organisation|organization|legal name"),
                ("fr", "nom|titre|raison sociale|denomination|intitule|organisme"),
                ("de", "bezeichnung|firma|firmenname|titel|name der firma|vereinsname"),
                ("es", "nombre|titulo|razon social|denominacion|empresa"),
                ("pt", "designacao|denominacao|nome da empresa|razao social|entidade"),
                ("it", "nome|ragione sociale|denominazione|titolo|azienda"),
                ("nl", "naam|bedrijfsnaam|organisatie|benaming"),
            ],
        ),
        (
            M::ShortText,
            [
                ("en", "description|summary|about|remarks|activity description"),
                ("fr", "resume|presentation|objet"),
                ("de", "beschreibung|zusammenfassung|gegenstand|taetigkeit|tatigkeit"),
                ("es", "descripcion|resumen|objeto"),
                ("pt", "descricao|resumo|objeto social"),
                ("it", "descrizione|riassunto|oggetto"),
                ("nl", "omschrijving|beschrijving|samenvatting"),
            ],
        ),
        (
            M::Country,
            [
                ("en", "country|country code|nation|state"),
                ("fr", "pays|code pays"),
                ("de", "land|staat|laendercode|landercode|land code"),
                ("es", "pais|codigo pais|codigo de pais"),
                ("pt", "codigo do pais|pais sede"),
                ("it", "paese|nazione|stato|codice paese"),
                ("nl", "landcode|landnaam"),
            ],
        ),
        (
            M::OriginCountry,
            [
                ("en", "country of origin|origin country|origin"),
                ("fr", "pays d origine|origine"),
                ("de", "herkunftsland|ursprungsland"),
                ("es", "pais de origen|origen"),
                ("pt", "pais de origem|origem"),
                ("it", "paese di origine|paese d origine|origine"),
                ("nl", "land van herkomst|herkomstland"),
            ],
        ),
        (
            M::City,
            [
                ("en", "city|town|municipality|place|seat"),
                ("fr", "ville|commune|siege|localite"),
                ("de", "ort|stadt|gemeinde|sitz|wohnort"),
                ("es", "ciudad|localidad|sede|poblado"),
                ("pt", "cidade|localidade|concelho|freguesia"),
                ("it", "citta|comune|localita"),
                ("nl", "stad|plaats|gemeente|woonplaats|vestigingsplaats"),
            ],
        ),
        (
            M::Partner,
            [
                ("en", "partner|partner city|twin town|sister city|twin city"),
                ("fr", "partenaire|ville partenaire|ville jumelee|jumelage"),
                ("de", "partnerstadt|partnergemeinde|staedtepartner"),
                ("es", "socio|ciudad hermana|ciudad hermanada"),
                ("pt", "parceiro|cidade geminada|cidade irma"),
                ("it", "citta gemellata|gemellaggio|citta partner"),
                ("nl", "zusterstad|partnergemeente|partnerstad"),
            ],
        ),
        (
            M::PartnerCountry,
            [
                ("en", "partner country|country of partner"),
                ("fr", "pays partenaire|pays du partenaire"),
                ("de", "partnerland|land des partners"),
                ("es", "pais socio"),
                ("pt", "pais parceiro|pais do parceiro"),
                ("it", "paese partner"),
                ("nl", "land van de partner"),
            ],
        ),
        (
            M::Latitude,
            [
                ("en", "latitude|lat|y"),
                ("fr", "latitude nord"),
                ("de", "breitengrad|breite|geographische breite"),
                ("es", "latitud"),
                ("pt", "lat gps"),
                ("it", "latitudine"),
                ("nl", "breedtegraad|breedte"),
            ],
        ),
        (
            M::Longitude,
            [
                ("en", "longitude|lon|lng|long|x"),
                ("fr", "longitude est"),
                ("de", "laengengrad|langengrad|laenge|lange|geographische laenge"),
                ("es", "longitud"),
                ("pt", "lon gps"),
                ("it", "longitudine"),
                ("nl", "lengtegraad|lengte"),
            ],
        ),
        (
            M::Population,
            [
                ("en", "population|inhabitants"),
                ("fr", "habitants|nombre d habitants"),
                ("de", "einwohner|einwohnerzahl|bevoelkerung|bevolkerung"),
                ("es", "poblacion|habitantes"),
                ("pt", "populacao|numero de habitantes"),
                ("it", "popolazione|abitanti"),
                ("nl", "inwoners|inwonertal|bevolking"),
            ],
        ),
        (
            M::RegisterNumber,
            [
                ("en", "register number|registration number|company number|register no|identifier|id"),
                ("fr", "siren|siret|numero d enregistrement|rcs|numero"),
                ("de", "registernummer|registernr|handelsregisternummer|hrb|vereinsregisternummer"),
                ("es", "cif|nif empresa|numero de registro"),
                ("pt", "nipc|nif|numero de registo|matricula"),
                ("it", "codice fiscale|numero rea|partita iva"),
                ("nl", "kvk|kvk nummer|kvknummer|registratienummer"),
            ],
        ),
        (
            M::Lei,
            [
                ("en", "lei|lei code|legal entity identifier"),
                ("fr", "code lei"),
                ("de", "lei nummer"),
                ("es", "codigo lei"),
                ("pt", "identificador lei"),
                ("it", "codice lei"),
                ("nl", "lei nr"),
            ],
        ),
        (
            M::Wikidata,
            [
                ("en", "wikidata|wikidata id|qid"),
                ("fr", "identifiant wikidata"),
                ("de", "wikidata kennung"),
                ("es", "id wikidata"),
                ("pt", "codigo wikidata"),
                ("it", "codice wikidata"),
                ("nl", "wikidata nummer"),
            ],
        ),
        (
            M::GeoNames,
            [
                ("en", "geonames|geonames id|geonameid"),
                ("fr", "identifiant geonames"),
                ("de", "geonames kennung"),
                ("es", "id geonames"),
                ("pt", "codigo geonames"),
                ("it", "codice geonames"),
                ("nl", "geonames nummer"),
            ],
        ),
        (
            M::Locode,
            [
                ("en", "locode|un locode|unlocode"),
                ("fr", "code locode"),
                ("de", "locode kennung"),
                ("es", "codigo locode"),
                ("pt", "locode onu"),
                ("it", "codice locode"),
                ("nl", "locode nummer"),
            ],
        ),
        (
            M::Mailbox,
            [
                ("en", "e mail|email|mail|mailbox|e mail address|email address"),
                ("fr", "courriel|adresse mail|adresse e mail|mel"),
                ("de", "mailadresse|e mail adresse|emailadresse"),
                ("es", "correo|correo electronico"),
                ("pt", "correio eletronico|endereco de email"),
                ("it", "posta elettronica|indirizzo email"),
                ("nl", "e mailadres|mailadres"),
            ],
        ),
        (
            M::Phone,
            [
                ("en", "phone|telephone|phone number|tel"),
                ("fr", "telephone fixe|numero de telephone"),
                ("de", "telefon|telefonnummer|rufnummer"),
                ("es", "telefono|numero de telefono"),
                ("pt", "telefone|numero de telefone"),
                ("it", "telefono fisso|numero di telefono"),
                ("nl", "telefoon|telefoonnummer"),
            ],
        ),
        (
            M::Website,
            [
                ("en", "website|web site|web|url|homepage|www"),
                ("fr", "site|site web|site internet"),
                ("de", "webseite|internetseite|internet"),
                ("es", "sitio web|pagina web"),
                ("pt", "sitio|pagina internet|sitio na internet"),
                ("it", "sito|sito web|sito internet"),
                ("nl", "webpagina|webadres"),
            ],
        ),
        (
            M::Sector,
            [
                ("en", "nace|nace code|sector|isic|industry"),
                ("fr", "secteur|code nace|code ape|naf"),
                ("de", "branche|wirtschaftszweig|nace code 2|sektor"),
                ("es", "cnae|rama|actividad"),
                ("pt", "cae|setor|ramo"),
                ("it", "ateco|settore|codice ateco"),
                ("nl", "sbi|branche code|bedrijfstak"),
            ],
        ),
        (
            M::Kind,
            [
                ("en", "type|kind|organisation type|legal form"),
                ("fr", "genre|nature|forme juridique"),
                ("de", "art|typ|rechtsform"),
                ("es", "tipo|clase|forma juridica"),
                ("pt", "natureza|especie|natureza juridica"),
                ("it", "tipologia|genere|forma giuridica"),
                ("nl", "soort|rechtsvorm|type organisatie"),
            ],
        ),
        (
            M::Status,
            [
                ("en", "status"),
                ("fr", "etat|statut"),
                ("de", "zustand|stand der dinge"),
                ("es", "estado|situacion"),
                ("pt", "situacao"),
                ("it", "situazione"),
                ("nl", "toestand"),
            ],
        ),
        (
            M::Stage,
            [
                ("en", "stage|phase|project stage"),
                ("fr", "etape"),
                ("de", "stufe|projektphase"),
                ("es", "etapa|fase"),
                ("pt", "etapa do projeto"),
                ("it", "tappa|fase del progetto"),
                ("nl", "stadium|fase van het project"),
            ],
        ),
        (
            M::Size,
            [
                ("en", "size|size class|company size"),
                ("fr", "taille|effectif"),
                ("de", "groesse|grosse|groessenklasse"),
                ("es", "tamano"),
                ("pt", "dimensao"),
                ("it", "dimensione"),
                ("nl", "grootte|omvang"),
            ],
        ),
        (
            M::Languages,
            [
                ("en", "language|languages"),
                ("fr", "langue|langues"),
                ("de", "sprache|sprachen"),
                ("es", "idioma|idiomas"),
                ("pt", "lingua|linguas"),
                ("it", "lingue"),
                ("nl", "taal|talen"),
            ],
        ),
        (
            M::Signed,
            [
                ("en", "signed|signature date|date signed|signed on|since"),
                ("fr", "date de signature|signe le|depuis"),
                ("de", "unterzeichnet|unterzeichnet am|unterschrieben am|seit"),
                ("es", "fecha de firma|firmado"),
                ("pt", "data de assinatura|assinado em"),
                ("it", "data della firma|firmato il"),
                ("nl", "ondertekend|datum ondertekening|sinds"),
            ],
        ),
        (
            M::Start,
            [
                ("en", "start|start date|begin|from|valid from"),
                ("fr", "debut|date de debut"),
                ("de", "beginn|anfang|von|startdatum"),
                ("es", "inicio|fecha de inicio"),
                ("pt", "data de inicio"),
                ("it", "inizio|data di inizio"),
                ("nl", "begindatum|aanvang"),
            ],
        ),
        (
            M::End,
            [
                ("en", "end|end date|until|valid until"),
                ("fr", "fin|date de fin"),
                ("de", "ende|bis|enddatum"),
                ("es", "fecha de fin"),
                ("pt", "data de fim|fim"),
                ("it", "fine|data di fine"),
                ("nl", "einddatum|einde"),
            ],
        ),
        (
            M::Verified,
            [
                ("en", "last verified|verified|checked on|as of"),
                ("fr", "verifie le|mis a jour le"),
                ("de", "stand|geprueft am|gepruft am|aktualisiert am"),
                ("es", "verificado|actualizado"),
                ("pt", "verificado em|atualizado em"),
                ("it", "verificato il|aggiornato il"),
                ("nl", "gecontroleerd op|bijgewerkt op"),
            ],
        ),
        (
            M::Amount,
            [
                ("en", "amount|budget|value|sum"),
                ("fr", "montant|somme"),
                ("de", "betrag|summe"),
                ("es", "importe|monto|presupuesto"),
                ("pt", "montante|valor|orcamento"),
                ("it", "importo|somma|bilancio"),
                ("nl", "bedrag|som"),
            ],
        ),
        (
            M::Currency,
            [
                ("en", "currency|currency code"),
                ("fr", "devise|monnaie"),
                ("de", "waehrung|wahrung"),
                ("es", "moneda|divisa"),
                ("pt", "moeda"),
                ("it", "valuta"),
                ("nl", "munt|muntsoort"),
            ],
        ),
    ]
};

/// What a column of this name means, in which language it is named, and whether the name is exactly a usual one. Words of
/// more than three letters may also stand within a longer name.
pub(super) fn meaning(name: &str) -> Option<(Meaning, &'static str, bool)> {
    let words = isopolity_domain::text::words(name);
    let whole = words.join(" ");
    let all = || {
        WORDS.iter().flat_map(|(meaning, languages)| {
            languages.iter().flat_map(|(language, words)| words.split('|').map(|word| (*meaning, *language, word)))
        })
    };
    let exact = all().find(|(_, _, word)| *word == whole).map(|(meaning, language, _)| (meaning, language, true));
    exact.or_else(|| {
        let padded = format!(" {whole} ");
        let within = |word: &str| word.len() > 3 && padded.contains(&format!(" {word} "));
        let longest = all().filter(|(_, _, word)| within(word)).max_by_key(|(_, _, word)| word.len());
        longest.map(|(meaning, language, _)| (meaning, language, false))
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn no_name_means_two_things() {
        let mut seen = BTreeMap::new();
        for (meaning, languages) in &WORDS {
            for word in languages.iter().flat_map(|(_, words)| words.split('|')) {
                assert_eq!(isopolity_domain::text::words(word).join(" "), word, "words are folded");
                let before = seen.insert(word, *meaning);
                assert!(before.is_none_or(|before| before == *meaning), "{word}");
            }
        }
    }

    #[test]
    fn columns_are_known_in_several_languages() {
        for (name, expected) in [
            ("Firmenname", Meaning::Name),
            ("Razón social", Meaning::Name),
            ("PAYS", Meaning::Country),
            ("Población", Meaning::Population),
            ("E-Mail", Meaning::Mailbox),
            ("Site web", Meaning::Website),
            ("Cidade", Meaning::City),
            ("Codice ATECO", Meaning::Sector),
            ("Vestigingsplaats", Meaning::City),
        ] {
            assert_eq!(meaning(name).map(|(meaning, _, exact)| (meaning, exact)), Some((expected, true)), "{name}");
        }
        assert_eq!(meaning("Pays (siège social)").map(|(_, _, exact)| exact), Some(false));
        assert_eq!(meaning("Farbe"), None);
    }
}
