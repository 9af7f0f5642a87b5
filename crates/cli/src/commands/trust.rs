//! Working with this city's own keys.

use std::{fs, path::Path};

use bytes::Bytes;
use isopolity_proto::admin::{
    ExpiryWarning, ExportBundleRequest, GetTrustRequest, GetTrustResponse, KeyKind, KeyState, PrepareKeyRequest,
    ResetPeerBundleRequest, RevokeCertificatesRequest, RotateKeyRequest, WithdrawAuthorityRequest,
    trust_service_client::TrustServiceClient,
};

use crate::{
    args::{Global, Output, Trust, TrustKey},
    connection::{connect, read_bytes},
    exit::Exit,
    output,
};

pub(super) async fn run(global: &Global, command: &Trust) -> Result<(), Exit> {
    let mut trust = TrustServiceClient::new(connect(global).await?);
    let as_json = global.output == Output::Json;
    match command {
        Trust::List => {
            let list = trust.get_trust(GetTrustRequest {}).await?.into_inner();
            if as_json { output::json(&list) } else { table(&list) }
        }
        Trust::Prepare { key } => {
            let done = trust.prepare_key(PrepareKeyRequest { kind: kind(*key).into() }).await?.into_inner();
            if as_json {
                return output::json(&done);
            }
            let id = done.key.unwrap_or_default().id;
            output::line(&format!(
                "{} {id} comes next; bundle {} tells peers so. Rotate to it when \"isopolity trust list\" shows no peer behind",
                kind_word(kind(*key)),
                done.bundle_sequence
            ))
        }
        Trust::Rotate { key, force } => {
            let request = RotateKeyRequest { kind: kind(*key).into(), force: *force };
            let done = trust.rotate_key(request).await?.into_inner();
            if as_json {
                return output::json(&done);
            }
            let id = done.key.unwrap_or_default().id;
            output::line(&format!("{} {id} is in use; bundle {} says so", kind_word(kind(*key)), done.bundle_sequence))
        }
        Trust::RevokeCertificates { serials } => {
            let request = RevokeCertificatesRequest { serials: serials.clone() };
            let done = trust.revoke_certificates(request).await?.into_inner();
            if as_json {
                return output::json(&done);
            }
            let count = done.certificates.len();
            output::line(&format!("{count} certificates are revoked; bundle {} says so", done.bundle_sequence))
        }
        Trust::WithdrawCa { id } => {
            let done = trust.withdraw_authority(WithdrawAuthorityRequest { id: id.clone() }).await?.into_inner();
            if as_json {
                return output::json(&done);
            }
            output::line(&format!("CA {id} is withdrawn; bundle {} is without it", done.bundle_sequence))
        }
        Trust::Export { city, out, spiffe: _ } => {
            let request = ExportBundleRequest { city: city.clone().unwrap_or_default() };
            let exported = trust.export_bundle(request).await?.into_inner();
            match out {
                Some(file) => write(file, exported.jwks.as_bytes()),
                None if as_json => output::json(&exported),
                None => output::write(exported.jwks.as_bytes()),
            }
        }
        Trust::Reset { file, fingerprint } => {
            let request =
                ResetPeerBundleRequest { bundle: Bytes::from(read_bytes(file)?), fingerprint: fingerprint.clone() };
            let done = trust.reset_peer_bundle(request).await?.into_inner();
            if as_json {
                return output::json(&done);
            }
            let city = done.peer.unwrap_or_default().city;
            output::line(&format!("the bundle of {city} was taken; approve it again: isopolity peer approve {city}"))
        }
    }
}

fn write(file: &Path, content: &[u8]) -> Result<(), Exit> {
    fs::write(file, content).map_err(|error| Exit::fault(format!("{} can't be written: {error}", file.display())))?;
    output::note(&format!("wrote {}", file.display()));
    Ok(())
}

fn table(trust: &GetTrustResponse) -> Result<(), Exit> {
    let mut keys = output::table(&["Key", "Id", "State", "Since", "Signed until", "Expires"]);
    for key in &trust.keys {
        keys.add_row([
            kind_word(key.kind()).to_owned(),
            key.id.clone(),
            state_word(key.state()).to_owned(),
            output::when(key.state_time.as_ref()),
            output::when(key.sign_end_time.as_ref()),
            output::when(key.expire_time.as_ref()),
        ]);
    }
    output::line(&keys.to_string())?;
    if trust.external_pki {
        output::line("CA and certificates are those of the city's own PKI")?;
    } else {
        let mut certificates = output::table(&["Certificate", "CA", "Issued", "Expires", "State"]);
        for one in &trust.certificates {
            let revoked = one.revoke_time.as_ref().map(|time| format!("revoked {}", output::when(Some(time))));
            certificates.add_row([
                one.serial.clone(),
                one.authority.clone(),
                output::when(one.issue_time.as_ref()),
                output::when(one.expire_time.as_ref()),
                revoked.unwrap_or_else(|| if one.in_use { "in use".to_owned() } else { String::new() }),
            ]);
        }
        output::line(&certificates.to_string())?;
    }
    output::line(&format!(
        "bundle {} of {}, good until {}",
        trust.bundle_sequence,
        output::when(trust.bundle_issue_time.as_ref()),
        output::when(trust.bundle_expire_time.as_ref())
    ))?;
    for peer in &trust.peers_behind {
        let held = if peer.held_sequence == 0 {
            "no bundle that it told of".to_owned()
        } else {
            format!("bundle {}", peer.held_sequence)
        };
        output::line(&format!("{} is behind: it holds {held}", peer.city))?;
    }
    warnings(&trust.warnings)
}

/// What is about to end, a line each.
pub(super) fn warnings(warnings: &[ExpiryWarning]) -> Result<(), Exit> {
    warnings.iter().try_for_each(|warning| output::line(&format!("WARNING: {}", warning.description)))
}

fn kind(key: TrustKey) -> KeyKind {
    match key {
        TrustKey::RecordKey => KeyKind::Record,
        TrustKey::Ca => KeyKind::Authority,
    }
}

fn kind_word(kind: KeyKind) -> &'static str {
    match kind {
        KeyKind::Record => "record key",
        KeyKind::Authority => "CA",
        KeyKind::Unspecified => "?",
    }
}

fn state_word(state: KeyState) -> &'static str {
    match state {
        KeyState::Current => "in use",
        KeyState::Next => "comes next",
        KeyState::Former => "former",
        KeyState::Unspecified => "?",
    }
}
