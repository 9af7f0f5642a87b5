//! The third ring: real nodes with real sockets, TLS and databases, seen from outside.

#[cfg(test)]
mod nodes {
    mod audit;
    mod codes;
    mod deadlines;
    mod deletion;
    mod deliveries;
    mod exact;
    mod export;
    mod faults;
    mod import;
    mod impostors;
    mod lists;
    #[cfg(target_os = "linux")]
    mod mail;
    mod matching;
    mod metrics;
    mod officer;
    mod overload;
    mod own_pki;
    mod peering;
    mod peering_state;
    mod people;
    mod permissions;
    mod privacy;
    mod quarantine;
    mod records;
    mod repeats;
    mod resources;
    mod restarts;
    mod revisions;
    mod rotation;
    mod search;
    mod services;
    mod stories;
    mod tokens;
    mod trust;
}
