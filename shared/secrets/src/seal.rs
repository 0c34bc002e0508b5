//! Encryption of stored secrets that can't be derived, under a key derived from the master key. A reader of the table
//! learns no secrets.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

use crate::purpose_key::PurposeKey;
use handrail_platform::clock::Entropy;
use handrail_platform::fault::Fault;

/// Encrypts a secret for one purpose and one owner, so a copy in another item can't be decrypted.
///
/// Nonces are random. With 96 bits that is safe for some billions of secrets under one key; there are far fewer.
pub fn seal(
    master: &PurposeKey,
    entropy: &dyn Entropy,
    purpose: &str,
    owner: &str,
    secret: &str,
) -> Result<String, Fault> {
    let nonce: [u8; NONCE_LEN] = entropy.bytes();
    let mut sealed = secret.as_bytes().to_vec();
    cipher_key(master, purpose)?
        .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(owner.as_bytes()), &mut sealed)
        .map_err(|_| Fault::internal("a secret could not be encrypted"))?;
    Ok(BASE64_STANDARD_NO_PAD.encode([nonce.as_slice(), &sealed].concat()))
}

/// Decrypts a secret. Fails if the text was changed or was sealed for another purpose, owner or master key.
pub fn open(master: &PurposeKey, purpose: &str, owner: &str, sealed: &str) -> Result<String, Fault> {
    let fault = || Fault::internal("a stored secret can't be decrypted: was the master key changed?");
    let mut bytes = BASE64_STANDARD_NO_PAD.decode(sealed).map_err(|_| fault())?;
    let (nonce, text) = bytes.split_at_mut_checked(NONCE_LEN).ok_or_else(fault)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| fault())?;
    let secret =
        cipher_key(master, purpose)?.open_in_place(nonce, Aad::from(owner.as_bytes()), text).map_err(|_| fault())?;
    String::from_utf8(secret.to_vec()).map_err(|_| fault())
}

fn cipher_key(master: &PurposeKey, purpose: &str) -> Result<LessSafeKey, Fault> {
    let key = UnboundKey::new(&CHACHA20_POLY1305, &master.sealing_key(purpose));
    key.map(LessSafeKey::new).map_err(|_| Fault::internal("a sealing key has the wrong length"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use handrail_platform::clock::SystemEntropy;

    #[test]
    fn open_requires_matching_purpose_owner_and_key() {
        let (master, other) = (PurposeKey::new("one"), PurposeKey::new("other"));
        let sealed = seal(&master, &SystemEntropy, "slack", "ann", "xoxb-1").unwrap();
        assert!(!sealed.contains("xoxb") && sealed != seal(&master, &SystemEntropy, "slack", "ann", "xoxb-1").unwrap());
        assert_eq!(open(&master, "slack", "ann", &sealed).unwrap(), "xoxb-1");
        for (master, purpose, owner) in [(&other, "slack", "ann"), (&master, "mail", "ann"), (&master, "slack", "bob")]
        {
            assert!(open(master, purpose, owner, &sealed).is_err());
        }
    }

    #[test]
    fn changed_sealed_secret_does_not_open() {
        let master = PurposeKey::new("one");
        let sealed = seal(&master, &SystemEntropy, "slack", "ann", "xoxb-1").unwrap();
        for at in 0..sealed.len() {
            let mut changed = sealed.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            assert!(open(&master, "slack", "ann", &String::from_utf8(changed).unwrap()).is_err(), "{at}");
        }
        for text in ["", "A", "not base64", &sealed[..16]] {
            assert!(open(&master, "slack", "ann", text).is_err());
        }
    }
}
