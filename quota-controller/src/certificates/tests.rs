//! Authorities follow one another without anybody losing trust: handshakes in memory.

use super::{Authorities, Clients, Lifetimes, Material, Profile, client_config, server_config};
use rustls::pki_types::ServerName;
use rustls::{ClientConnection, ServerConnection};
use std::sync::Arc;

const LIFETIMES: Lifetimes = Lifetimes {
    authority_s: 9_000,
    certificate_s: 900,
    spread_s: 300,
};

const HOST: &str = "quota-controller.leasehold-system.svc";

/// Handshakes check against the machine's clock.
fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

fn profile() -> Profile {
    Profile {
        secret: "any".into(),
        common_name: "any".into(),
        names: vec![HOST.into(), "127.0.0.1".into()],
    }
}

/// What a program has that read its Secrets at `at`.
fn material(authorities: &Authorities, at: i64) -> Material {
    let signer = authorities.signer(at, &LIFETIMES).unwrap();
    let issued = signer
        .issue(&profile(), at, LIFETIMES.certificate_s)
        .unwrap();
    Material {
        bundle: authorities.bundle(),
        certificate: issued.certificate,
        key: issued.key,
        ends: Some(issued.ends),
    }
}

/// Whether the two come to speak, each with a certificate of its own.
fn connect(server: &Material, client: &Material, host: &str) -> Result<(), rustls::Error> {
    let server = Arc::new(server_config(server, Clients::Ours).unwrap());
    let client = Arc::new(client_config(client).unwrap());
    let mut server = ServerConnection::new(server)?;
    let host = ServerName::try_from(host.to_string()).unwrap();
    let mut client = ClientConnection::new(client, host)?;
    while server.is_handshaking() || client.is_handshaking() {
        let mut bytes = Vec::new();
        client.write_tls(&mut bytes).unwrap();
        server.read_tls(&mut bytes.as_slice()).unwrap();
        server.process_new_packets()?;
        bytes.clear();
        server.write_tls(&mut bytes).unwrap();
        client.read_tls(&mut bytes.as_slice()).unwrap();
        client.process_new_packets()?;
    }
    Ok(())
}

fn first(at: i64) -> Authorities {
    let mut authorities = Authorities::default();
    assert!(authorities.advance(at, &LIFETIMES).unwrap());
    authorities
}

#[test]
fn programs_of_one_authority_trust_each_other_by_name_and_by_address() {
    let authorities = first(now());
    let (server, client) = (material(&authorities, now()), material(&authorities, now()));
    connect(&server, &client, HOST).unwrap();
    connect(&server, &client, "127.0.0.1").unwrap();
    connect(&server, &client, "another.svc").unwrap_err();
}

#[test]
fn strangers_are_trusted_by_neither_side() {
    let (ours, theirs) = (first(now()), first(now()));
    let (ours, theirs) = (material(&ours, now()), material(&theirs, now()));
    connect(&ours, &theirs, HOST).unwrap_err();
    let mut thief = theirs.clone();
    thief.bundle.clone_from(&ours.bundle);
    // It trusts our server, but shows a certificate that we do not.
    connect(&ours, &thief, HOST).unwrap_err();
}

#[test]
fn a_new_authority_is_trusted_before_it_signs() {
    let start = now() - 6_000;
    let mut authorities = first(start);
    let before = material(&authorities, start + 5_000);
    assert!(!authorities.advance(start + 5_999, &LIFETIMES).unwrap());
    // A third of its life is left.
    assert!(authorities.advance(start + 6_000, &LIFETIMES).unwrap());
    let old = authorities.signer(start + 6_299, &LIFETIMES).unwrap().made;
    let new = authorities.signer(start + 6_300, &LIFETIMES).unwrap().made;
    assert_eq!((old, new), (start, start + 6_000));
    // Who has not read the new authority yet and who is already served by its bundle understand each other.
    let spread = material(&authorities, start + 6_000);
    assert_ne!(before.bundle, spread.bundle);
    connect(
        &spread,
        &Material {
            certificate: spread.certificate.clone(),
            key: spread.key.clone(),
            ..before.clone()
        },
        HOST,
    )
    .unwrap();
    // Then the new one signs, and everybody who read the bundle in between trusts it.
    let after = material(&authorities, start + 6_300);
    connect(&after, &spread, HOST).unwrap();
    connect(&spread, &after, HOST).unwrap();
}

#[test]
fn an_authority_outlives_what_it_signed_and_is_then_forgotten() {
    let mut authorities = first(0);
    authorities.advance(6_000, &LIFETIMES).unwrap();
    let last_signed = material(&authorities, 6_299).ends.unwrap();
    assert!(last_signed < 9_000);
    let with_both = authorities.bundle();
    assert!(!authorities.advance(8_999, &LIFETIMES).unwrap());
    assert!(authorities.advance(9_000, &LIFETIMES).unwrap());
    let alone = authorities.bundle();
    assert!(with_both.len() > alone.len() && with_both.ends_with(&alone));
}

#[test]
fn a_certificate_ends_no_later_than_its_authority() {
    let authorities = first(0);
    let signer = authorities.signer(0, &LIFETIMES).unwrap();
    let issued = signer.issue(&profile(), 8_800, LIFETIMES.certificate_s);
    assert_eq!(issued.unwrap().ends, 9_000);
}

#[test]
fn a_certificate_is_renewed_when_a_third_is_left() {
    assert!(!Authorities::is_due(900, 599, &LIFETIMES));
    assert!(Authorities::is_due(900, 600, &LIFETIMES));
    assert!(Authorities::is_due(900, 2_000, &LIFETIMES));
}
