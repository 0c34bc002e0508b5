//! Secrets that others gave us and that we must show them again: kept encrypted under a key that is derived from the master
//! key, so that who reads the table reads nothing.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

use crate::clock::Entropy;
use crate::fault::Fault;
use crate::master::MasterKey;

/// Sealed for one purpose and one owner: moved to another item it does not open.
///
/// Nonces are random. With 96 bits that is safe for some billions of secrets under one key, and there are a handful.
pub fn seal(
    master: &MasterKey,
    entropy: &dyn Entropy,
    purpose: &str,
    owner: &str,
    secret: &str,
) -> Result<String, Fault> {
    let nonce: [u8; NONCE_LEN] = entropy.bytes();
    let mut sealed = secret.as_bytes().to_vec();
    key(master, purpose)?
        .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(owner.as_bytes()), &mut sealed)
        .map_err(|_| Fault::broken("a secret could not be sealed"))?;
    Ok(BASE64_STANDARD_NO_PAD.encode([nonce.as_slice(), &sealed].concat()))
}

/// The secret again. What was changed, was sealed for somebody else or under another master key is a fault.
pub fn open(master: &MasterKey, purpose: &str, owner: &str, sealed: &str) -> Result<String, Fault> {
    let shut = || Fault::broken("a sealed secret can't be opened: was the master key changed?");
    let mut bytes = BASE64_STANDARD_NO_PAD.decode(sealed).map_err(|_| shut())?;
    let (nonce, text) = bytes.split_at_mut_checked(NONCE_LEN).ok_or_else(shut)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| shut())?;
    let secret = key(master, purpose)?.open_in_place(nonce, Aad::from(owner.as_bytes()), text).map_err(|_| shut())?;
    String::from_utf8(secret.to_vec()).map_err(|_| shut())
}

fn key(master: &MasterKey, purpose: &str) -> Result<LessSafeKey, Fault> {
    let key = UnboundKey::new(&CHACHA20_POLY1305, &master.sealing_key(purpose));
    key.map(LessSafeKey::new).map_err(|_| Fault::broken("a sealing key has the wrong length"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemEntropy;

    #[test]
    fn a_secret_opens_for_its_purpose_its_owner_and_its_master_alone() {
        let (master, other) = (MasterKey::new("one"), MasterKey::new("other"));
        let sealed = seal(&master, &SystemEntropy, "slack", "ann", "xoxb-1").unwrap();
        assert!(!sealed.contains("xoxb") && sealed != seal(&master, &SystemEntropy, "slack", "ann", "xoxb-1").unwrap());
        assert_eq!(open(&master, "slack", "ann", &sealed).unwrap(), "xoxb-1");
        for (master, purpose, owner) in [(&other, "slack", "ann"), (&master, "mail", "ann"), (&master, "slack", "bob")]
        {
            assert!(open(master, purpose, owner, &sealed).is_err());
        }
    }

    #[test]
    fn what_was_changed_does_not_open() {
        let master = MasterKey::new("one");
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
