//! What the description says about a registry and about each kind of record, in the languages that it is written in.

use isopolity_domain::Kind;

/// The languages of the fixed texts, in their order below.
pub(super) const LANGUAGES: [&str; 7] = ["en", "fr", "de", "es", "pt", "it", "ar"];

/// What a kind's records are called, and what they say.
pub(super) struct About {
    /// In the order of [`LANGUAGES`].
    pub(super) titles: [&'static str; 7],
    /// In the order of [`LANGUAGES`].
    pub(super) descriptions: [&'static str; 7],
    /// The Data Themes of the European Union that it belongs to.
    pub(super) themes: &'static [&'static str],
}

/// The catalogue's title; `{}` stands for the city.
pub(super) const CATALOGUE_TITLES: [&str; 7] = [
    "Partnership registry of {}",
    "Registre des partenariats de {}",
    "Partnerschaftsregister von {}",
    "Registro de asociaciones de {}",
    "Registo de parcerias de {}",
    "Registro dei partenariati di {}",
    "سجل شراكات {}",
];

/// The catalogue's description.
pub(super) const CATALOGUE_DESCRIPTIONS: [&str; 7] = [
    "Business partnerships of the city with the places that its residents came from, with all that belongs to them.",
    "Partenariats économiques de la ville avec les lieux d'origine de ses habitants, et tout ce qui s'y rattache.",
    "Wirtschaftspartnerschaften der Stadt mit den Herkunftsorten ihrer Einwohner, mit allem, was dazugehört.",
    "Asociaciones económicas de la ciudad con los lugares de origen de sus habitantes, y todo lo relacionado con ellas.",
    "Parcerias económicas da cidade com os lugares de origem dos seus habitantes, e tudo o que lhes diz respeito.",
    "Partenariati economici della città con i luoghi di origine dei suoi abitanti, e tutto ciò che li riguarda.",
    "الشراكات الاقتصادية للمدينة مع الأماكن التي جاء منها سكانها، وكل ما يتعلق بها.",
];

/// Where the records come from.
pub(super) const PROVENANCE: [&str; 7] = [
    "Entered by the city or imported; each record names its source and when it was last checked.",
    "Saisi par la ville ou importé ; chaque fiche indique sa source et la date de la dernière vérification.",
    "Von der Stadt erfasst oder importiert; jeder Eintrag nennt seine Quelle und die letzte Prüfung.",
    "Introducido por la ciudad o importado; cada registro indica su fuente y su última verificación.",
    "Introduzido pela cidade ou importado; cada registo indica a sua fonte e a última verificação.",
    "Inserito dalla città o importato; ogni record indica la fonte e l'ultima verifica.",
    "أدخلته المدينة أو استُورد؛ ويذكر كل سجل مصدره وتاريخ آخر تحقق منه.",
];

/// What is said about a kind.
pub(super) fn about(kind: Kind) -> &'static About {
    match kind {
        Kind::City => &CITY,
        Kind::Place => &PLACE,
        Kind::Organization => &ORGANIZATION,
        Kind::Agreement => &AGREEMENT,
        Kind::Partnership => &PARTNERSHIP,
        Kind::StageEvent => &STAGE_EVENT,
        Kind::ConditionAssessment => &CONDITION_ASSESSMENT,
        Kind::SupportService => &SUPPORT_SERVICE,
        Kind::Opportunity => &OPPORTUNITY,
        Kind::IndicatorObservation => &INDICATOR_OBSERVATION,
        Kind::AdvantageFactor => &ADVANTAGE_FACTOR,
        Kind::GoodPractice => &GOOD_PRACTICE,
        Kind::MatchAssertion => &MATCH_ASSERTION,
    }
}

static CITY: About = About {
    titles: [
        "City profile",
        "Profil de la ville",
        "Stadtprofil",
        "Perfil de la ciudad",
        "Perfil da cidade",
        "Profilo della città",
        "ملف المدينة",
    ],
    descriptions: [
        "The city, its strengths, languages and communities of origin.",
        "La ville, ses atouts, ses langues et ses communautés d'origine.",
        "Die Stadt, ihre Stärken, Sprachen und Herkunftsgemeinschaften.",
        "La ciudad, sus puntos fuertes, lenguas y comunidades de origen.",
        "A cidade, os seus pontos fortes, línguas e comunidades de origem.",
        "La città, i suoi punti di forza, le lingue e le comunità di origine.",
        "المدينة ونقاط قوتها ولغاتها وجاليات المنشأ فيها.",
    ],
    themes: &["REGI", "GOVE"],
};

static PLACE: About = About {
    titles: ["Places", "Lieux", "Orte", "Lugares", "Lugares", "Luoghi", "الأماكن"],
    descriptions: [
        "Towns and regions that the records refer to.",
        "Villes et régions auxquelles les fiches se réfèrent.",
        "Orte und Regionen, auf die sich die Einträge beziehen.",
        "Localidades y regiones a las que se refieren los registros.",
        "Localidades e regiões a que os registos se referem.",
        "Località e regioni a cui si riferiscono i record.",
        "المدن والمناطق التي تشير إليها السجلات.",
    ],
    themes: &["REGI"],
};

static ORGANIZATION: About = About {
    titles: [
        "Organisations",
        "Organisations",
        "Organisationen",
        "Organizaciones",
        "Organizações",
        "Organizzazioni",
        "المنظمات",
    ],
    descriptions: [
        "Authorities, enterprises and others that take part in partnerships. No persons.",
        "Autorités, entreprises et autres participants aux partenariats. Aucune personne physique.",
        "Behörden, Unternehmen und andere Beteiligte an Partnerschaften. Keine Personen.",
        "Autoridades, empresas y otros participantes en asociaciones. Sin personas físicas.",
        "Autoridades, empresas e outros participantes em parcerias. Sem pessoas singulares.",
        "Autorità, imprese e altri partecipanti ai partenariati. Nessuna persona fisica.",
        "السلطات والشركات وغيرها من المشاركين في الشراكات، دون أشخاص طبيعيين.",
    ],
    themes: &["ECON", "GOVE"],
};

static AGREEMENT: About = About {
    titles: ["Agreements", "Accords", "Vereinbarungen", "Acuerdos", "Acordos", "Accordi", "الاتفاقات"],
    descriptions: [
        "Twinnings and other agreements between authorities.",
        "Jumelages et autres accords entre autorités.",
        "Städtepartnerschaften und andere Vereinbarungen zwischen Behörden.",
        "Hermanamientos y otros acuerdos entre autoridades.",
        "Geminações e outros acordos entre autoridades.",
        "Gemellaggi e altri accordi tra autorità.",
        "التوأمات وغيرها من الاتفاقات بين السلطات.",
    ],
    themes: &["INTR", "GOVE"],
};

static PARTNERSHIP: About = About {
    titles: [
        "Partnerships",
        "Partenariats",
        "Partnerschaften",
        "Asociaciones",
        "Parcerias",
        "Partenariati",
        "الشراكات",
    ],
    descriptions: [
        "Business partnerships with places of origin: who takes part, in what, and how far it has come.",
        "Partenariats économiques avec les lieux d'origine : participants, objet et avancement.",
        "Wirtschaftspartnerschaften mit Herkunftsorten: Beteiligte, Gegenstand und Stand.",
        "Asociaciones económicas con lugares de origen: participantes, objeto y avance.",
        "Parcerias económicas com lugares de origem: participantes, objeto e andamento.",
        "Partenariati economici con i luoghi di origine: partecipanti, oggetto e avanzamento.",
        "الشراكات الاقتصادية مع أماكن المنشأ: المشاركون والموضوع ومدى التقدم.",
    ],
    themes: &["ECON", "INTR"],
};

static STAGE_EVENT: About = About {
    titles: [
        "Steps of partnerships",
        "Étapes des partenariats",
        "Schritte der Partnerschaften",
        "Etapas de las asociaciones",
        "Etapas das parcerias",
        "Fasi dei partenariati",
        "مراحل الشراكات",
    ],
    descriptions: [
        "When a partnership came to a stage, and why.",
        "Quand un partenariat a atteint une étape, et pourquoi.",
        "Wann eine Partnerschaft eine Stufe erreicht hat und warum.",
        "Cuándo una asociación alcanzó una etapa y por qué.",
        "Quando uma parceria atingiu uma etapa e porquê.",
        "Quando un partenariato ha raggiunto una fase e perché.",
        "متى بلغت الشراكة مرحلة ما ولماذا.",
    ],
    themes: &["ECON"],
};

static CONDITION_ASSESSMENT: About = About {
    titles: [
        "Assessments of conditions",
        "Évaluations des conditions",
        "Bewertungen der Bedingungen",
        "Evaluaciones de condiciones",
        "Avaliações de condições",
        "Valutazioni delle condizioni",
        "تقييمات الشروط",
    ],
    descriptions: [
        "What was found about the conditions that a partnership needs.",
        "Constats sur les conditions nécessaires à un partenariat.",
        "Feststellungen zu den Bedingungen, die eine Partnerschaft braucht.",
        "Constataciones sobre las condiciones que necesita una asociación.",
        "Constatações sobre as condições de que uma parceria precisa.",
        "Riscontri sulle condizioni necessarie a un partenariato.",
        "ما تبيّن بشأن الشروط التي تحتاجها الشراكة.",
    ],
    themes: &["ECON"],
};

static SUPPORT_SERVICE: About = About {
    titles: [
        "Support services",
        "Services d'appui",
        "Unterstützungsangebote",
        "Servicios de apoyo",
        "Serviços de apoio",
        "Servizi di sostegno",
        "خدمات الدعم",
    ],
    descriptions: [
        "Advice, funding and other services for enterprises.",
        "Conseil, financement et autres services aux entreprises.",
        "Beratung, Förderung und andere Angebote für Unternehmen.",
        "Asesoramiento, financiación y otros servicios para empresas.",
        "Aconselhamento, financiamento e outros serviços para empresas.",
        "Consulenza, finanziamento e altri servizi per le imprese.",
        "الاستشارة والتمويل وخدمات أخرى للشركات.",
    ],
    themes: &["ECON", "GOVE"],
};

static OPPORTUNITY: About = About {
    titles: [
        "Opportunities",
        "Opportunités",
        "Gesuche und Angebote",
        "Oportunidades",
        "Oportunidades",
        "Opportunità",
        "الفرص",
    ],
    descriptions: [
        "What organisations seek and offer.",
        "Ce que des organisations recherchent et proposent.",
        "Was Organisationen suchen und anbieten.",
        "Lo que las organizaciones buscan y ofrecen.",
        "O que as organizações procuram e oferecem.",
        "Ciò che le organizzazioni cercano e offrono.",
        "ما تبحث عنه المنظمات وما تعرضه.",
    ],
    themes: &["ECON"],
};

static INDICATOR_OBSERVATION: About = About {
    titles: ["Indicators", "Indicateurs", "Indikatoren", "Indicadores", "Indicadores", "Indicatori", "المؤشرات"],
    descriptions: [
        "Measurements of what partnerships bring: baseline, target and actual.",
        "Mesures de ce qu'apportent les partenariats : départ, cible et résultat.",
        "Messungen des Nutzens von Partnerschaften: Ausgangswert, Ziel und Ergebnis.",
        "Mediciones de lo que aportan las asociaciones: base, meta y resultado.",
        "Medições do que as parcerias trazem: base, meta e resultado.",
        "Misurazioni di ciò che i partenariati apportano: base, obiettivo e risultato.",
        "قياسات لما تحققه الشراكات: الأساس والهدف والنتيجة.",
    ],
    themes: &["ECON"],
};

static ADVANTAGE_FACTOR: About = About {
    titles: [
        "Advantages of the city",
        "Atouts de la ville",
        "Standortvorteile",
        "Ventajas de la ciudad",
        "Vantagens da cidade",
        "Vantaggi della città",
        "مزايا المدينة",
    ],
    descriptions: [
        "What speaks for the city as a partner.",
        "Ce qui parle en faveur de la ville comme partenaire.",
        "Was für die Stadt als Partnerin spricht.",
        "Lo que habla a favor de la ciudad como socia.",
        "O que fala a favor da cidade como parceira.",
        "Ciò che parla a favore della città come partner.",
        "ما يميز المدينة كشريك.",
    ],
    themes: &["ECON", "REGI"],
};

static GOOD_PRACTICE: About = About {
    titles: [
        "Good practices",
        "Bonnes pratiques",
        "Gute Beispiele",
        "Buenas prácticas",
        "Boas práticas",
        "Buone pratiche",
        "الممارسات الجيدة",
    ],
    descriptions: [
        "Stories of what worked, for others to follow.",
        "Récits de ce qui a réussi, pour inspirer d'autres villes.",
        "Berichte über das, was gelungen ist, zum Nachmachen.",
        "Relatos de lo que funcionó, para que otros lo sigan.",
        "Relatos do que funcionou, para que outros os sigam.",
        "Racconti di ciò che ha funzionato, perché altri lo seguano.",
        "تجارب ناجحة ليقتدي بها الآخرون.",
    ],
    themes: &["GOVE", "ECON"],
};

static MATCH_ASSERTION: About = About {
    titles: [
        "Decisions on same records",
        "Décisions sur les doublons",
        "Entscheidungen über Dubletten",
        "Decisiones sobre duplicados",
        "Decisões sobre duplicados",
        "Decisioni sui duplicati",
        "قرارات بشأن السجلات المتطابقة",
    ],
    descriptions: [
        "Decisions whether two records are of the same thing.",
        "Décisions sur l'identité de deux fiches.",
        "Entscheidungen, ob zwei Einträge dasselbe bezeichnen.",
        "Decisiones sobre si dos registros son de lo mismo.",
        "Decisões sobre se dois registos são do mesmo.",
        "Decisioni se due record riguardano la stessa cosa.",
        "قرارات بشأن ما إذا كان سجلان يخصان الشيء نفسه.",
    ],
    themes: &["GOVE"],
};
