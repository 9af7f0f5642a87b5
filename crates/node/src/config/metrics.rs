//! `[metrics]`: where it is told how the node is, for Prometheus.

use std::net::{AddrParseError, SocketAddr};

use serde::{Deserialize, Deserializer, de::Error as _};

use super::{Api, Federation};

/// `[metrics]`.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Metrics {
    /// Where it listens. `None`: nowhere.
    #[serde(deserialize_with = "address")]
    pub listen: Option<SocketAddr>,
}

impl Metrics {
    /// What is wrong, and with which key.
    pub(super) fn fault(&self, api: &Api, federation: &Federation) -> Option<(&'static str, String)> {
        let listen = self.listen.filter(|listen| listen.port() != 0)?;
        let others = [("api.listen", api.listen), ("federation.listen", federation.listen)];
        let (other, _) = others.iter().find(|(_, address)| *address == listen)?;
        Some(("metrics.listen", format!("is the same as {other}: each listener needs an address of its own")))
    }
}

/// An address as the file or a variable has it.
pub(super) fn parse(text: &str) -> Result<SocketAddr, String> {
    text.parse()
        .map_err(|_error: AddrParseError| format!("{text:?} is no address with a port, as in \"127.0.0.1:9464\""))
}

fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SocketAddr>, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse(&text).map(Some).map_err(|what| D::Error::custom(format!("metrics.listen: {what}")))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::Config;

    fn listen(rest: &str) -> Result<Option<String>, String> {
        let text = format!("city = \"feira.example\"\n{rest}");
        let config = Config::parse(&text, Path::new("isopolity.toml")).map_err(|error| error.to_string())?;
        Ok(config.metrics.listen.map(|address| address.to_string()))
    }

    #[test]
    fn without_an_address_nothing_is_told() {
        assert_eq!(listen(""), Ok(None));
        assert_eq!(listen("[metrics]"), Ok(None));
        assert_eq!(listen("[metrics]\nlisten = '[::1]:9464'"), Ok(Some("[::1]:9464".to_owned())));
    }

    #[test]
    fn a_value_that_makes_no_sense_is_named_by_its_key() {
        for (rest, said) in [
            (
                "[metrics]\nlisten = 'localhost:9464'",
                "isopolity.toml:3: metrics.listen: \"localhost:9464\" is no address",
            ),
            ("[metrics]\nlisten = '127.0.0.1'", "isopolity.toml:3: metrics.listen: \"127.0.0.1\" is no address"),
            ("[metrics]\nlisten = 9464", "isopolity.toml:3: invalid type"),
            ("[metrics]\nlisten = '127.0.0.1:7444'", "isopolity.toml: metrics.listen: is the same as api.listen"),
            ("[metrics]\nlisten = '127.0.0.1:7443'", "metrics.listen: is the same as federation.listen"),
            ("[metrics]\npath = '/'", "unknown field `path`"),
        ] {
            let refused = listen(rest).unwrap_err();
            assert!(refused.contains(said), "{refused}");
        }
        assert_eq!(
            listen("[metrics]\nlisten = '127.0.0.1:0'\n[api]\nlisten = '127.0.0.1:0'"),
            Ok(Some("127.0.0.1:0".to_owned())),
            "any port is another one each time"
        );
    }
}
