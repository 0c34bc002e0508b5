//! A self-signed certificate for `hook.example.com` and 127.0.0.1, created in each run.

use std::sync::Arc;

use rustls::crypto::ring::{default_provider, sign::any_eddsa_type};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::{RootCertStore, ServerConfig, SignatureScheme};

const SEQUENCE: u8 = 0x30;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const ED25519: &[u8] = &[0x06, 3, 0x2b, 0x65, 0x70];
const COMMON_NAME: &[u8] = &[0x06, 3, 0x55, 0x04, 0x03];
const SUBJECT_ALT_NAME: &[u8] = &[0x06, 3, 0x55, 0x1d, 0x11];

pub(super) struct TestCertificate {
    pub(super) server_config: Arc<ServerConfig>,
    /// Root store that trusts only this certificate.
    pub(super) roots: RootCertStore,
}

pub(super) fn test_certificate() -> TestCertificate {
    let key = private_key();
    let certificate = self_signed(&key);
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let server = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key.into())
        .unwrap();
    TestCertificate { server_config: Arc::new(server), roots }
}

/// Returns a fixed key. Any 32 bytes are an Ed25519 key, so no key file is needed.
fn private_key() -> PrivatePkcs8KeyDer<'static> {
    let seed = der(OCTET_STRING, &[&[7; 32]]);
    let key = [&[0x02, 1, 0], &der(SEQUENCE, &[ED25519])[..], &der(OCTET_STRING, &[&seed])];
    der(SEQUENCE, &key).into()
}

fn self_signed(key: &PrivatePkcs8KeyDer<'_>) -> CertificateDer<'static> {
    let key = any_eddsa_type(key).unwrap();
    let public_key = key.public_key().unwrap();
    let algorithm = der(SEQUENCE, &[ED25519]);
    let name = der(SEQUENCE, &[COMMON_NAME, &der(0x0c, &[b"test"])]);
    let name = der(SEQUENCE, &[&der(0x31, &[&name])]);
    let validity = der(SEQUENCE, &[&der(0x17, &[b"200101000000Z"]), &der(0x18, &[b"99991231235959Z"])]);
    let names = der(SEQUENCE, &[&der(0x82, &[b"hook.example.com"]), &der(0x87, &[&[127, 0, 0, 1]])]);
    let extension = der(SEQUENCE, &[SUBJECT_ALT_NAME, &der(OCTET_STRING, &[&names])]);
    let signed = der(
        SEQUENCE,
        &[
            // Version 3, serial number 1.
            &[0xa0, 3, 0x02, 1, 2, 0x02, 1, 1],
            &algorithm,
            &name,
            &validity,
            &name,
            &public_key,
            &der(0xa3, &[&der(SEQUENCE, &[&extension])]),
        ],
    );
    let signer = key.choose_scheme(&[SignatureScheme::ED25519]).unwrap();
    let signature = der(BIT_STRING, &[&[0], &signer.sign(&signed).unwrap()]);
    der(SEQUENCE, &[&signed, &algorithm, &signature]).into()
}

fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    let head = match length {
        [0, short @ ..0x80] => vec![tag, short],
        [0, byte] => vec![tag, 0x81, byte],
        [high, low] => vec![tag, 0x82, high, low],
    };
    [head, content].concat()
}
