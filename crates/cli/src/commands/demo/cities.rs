//! The cities of the demonstration. Their names are under `.example`; their agreements are real.

/// A city of the demonstration.
pub(super) struct City {
    /// Its id.
    pub(super) id: &'static str,
    /// Its own records, as JSON Lines.
    pub(super) records: &'static str,
    /// What it is called in [`TWIN_TOWNS`], if it stands there.
    pub(super) twin_towns_name: Option<&'static str>,
}

/// Real twin-town statements; see the README beside the file for source and licence.
pub(super) const TWIN_TOWNS: &str = include_str!("../../../data/twin-towns/twin_towns_demo.csv");

pub(super) const CITIES: [City; 6] = [
    City {
        id: "feira.example",
        records: include_str!("../../../data/demo/feira.jsonl"),
        twin_towns_name: Some("Santa Maria da Feira Municipality"),
    },
    City { id: "kenitra.example", records: include_str!("../../../data/demo/kenitra.jsonl"), twin_towns_name: None },
    City {
        id: "lisboa.example",
        records: include_str!("../../../data/demo/lisboa.jsonl"),
        twin_towns_name: Some("Lisbon"),
    },
    City {
        id: "marseille.example",
        records: include_str!("../../../data/demo/marseille.jsonl"),
        twin_towns_name: Some("Marseille"),
    },
    City {
        id: "torino.example",
        records: include_str!("../../../data/demo/torino.jsonl"),
        twin_towns_name: Some("Turin"),
    },
    City {
        id: "lublin.example",
        records: include_str!("../../../data/demo/lublin.jsonl"),
        twin_towns_name: Some("Lublin"),
    },
];
