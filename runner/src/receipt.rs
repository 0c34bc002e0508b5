//! `handrail verify-receipt`: checks a receipt without the service that signed it, and says what the receipt proves.

mod expected_action;
mod proof;
mod unique_json;

use std::path::Path;

use anyhow::{Context, anyhow, bail, ensure};
use handrail_domain::decision::{RECEIPT_TYPE, ReceiptClaims};
use handrail_domain::outbound::AddressPolicy;
use handrail_domain::time::Timestamp;
use handrail_secrets::jwk_set::{JWK_SET_BYTES_MAX, JwkSet};
use handrail_secrets::jws::{JWS_BYTES_MAX, verify as verify_jws};
use handrail_secrets::purpose_key::PurposeKey;
use handrail_secrets::signing_key::{SigningKey, SigningPurpose};
use handrail_sender::{CallLimits, CallOutcome, Sender};
use serde_json::Value;

pub use self::expected_action::ExpectedAction;
pub use self::proof::Proof;
use crate::data::DataDir;

/// Runs `handrail verify-receipt`. Fails unless the receipt proves an approval that counts now, of the expected action if
/// there is one.
pub fn verify(file: &Path, keys: &JwkSet, expected: Option<&ExpectedAction>, now: Timestamp) -> anyhow::Result<Proof> {
    let name = file.display();
    let text = read_limited(file, JWS_BYTES_MAX)?;
    let receipt = receipt_in(&text).with_context(|| format!("{name} has no receipt"))?;
    // Each error is one line, like the proof.
    let payload =
        verify_jws(&receipt, RECEIPT_TYPE, keys).map_err(|error| anyhow!("{name} proves nothing: {error}"))?;
    let claims: ReceiptClaims = serde_json::from_str(&payload)
        .map_err(|error| anyhow!("{name} is signed, but its claims are not those of a receipt: {error}"))?;
    Proof::new(claims, expected, now)
}

/// Returns the receipt in a text: the text itself, or the member `receipt` of a response or callback.
fn receipt_in(text: &str) -> Option<String> {
    let text = text.trim();
    if !text.starts_with('{') {
        return (!text.is_empty()).then(|| text.to_owned());
    }
    let body: Value = serde_json::from_str(text).ok()?;
    body.get("receipt")?.as_str().map(str::to_owned)
}

/// Reads the keys from a file or a URL, or derives that of the data folder's service.
pub async fn read_keys(jwks: Option<&str>, data: &Path) -> anyhow::Result<JwkSet> {
    let Some(source) = jwks else {
        let secret = DataDir::master_secret_of(data)?;
        let secret = secret.with_context(|| {
            let data = data.display();
            format!("there are no keys in {data}: name the file or URL of the service's jwks.json with --jwks")
        })?;
        let key = SigningKey::new(&PurposeKey::new(&secret), SigningPurpose::Receipts);
        return Ok(JwkSet::new(vec![key.public_key()]));
    };
    let is_url = source.starts_with("https://") || source.starts_with("http://");
    let text = if is_url { download(source).await? } else { read_limited(Path::new(source), JWK_SET_BYTES_MAX)? };
    let keys = JwkSet::parse(&text).with_context(|| format!("{source} is not a set of public keys"))?;
    ensure!(!keys.is_empty(), "{source} has no Ed25519 key: the service has signed no receipt yet");
    Ok(keys)
}

async fn download(url: &str) -> anyhow::Result<String> {
    let limits =
        CallLimits { max_body_kept: JWK_SET_BYTES_MAX, max_body_read: JWK_SET_BYTES_MAX, ..CallLimits::default() };
    let sender = Sender::new(AddressPolicy::AllowLoopback, limits);
    match sender.get_and_read(url).await {
        CallOutcome::Responded { status: 200, body, .. } => {
            String::from_utf8(body.to_vec()).with_context(|| format!("{url} is not text"))
        }
        CallOutcome::Responded { status, .. } => bail!("{url} responds with {status}"),
        CallOutcome::Refused { reason } | CallOutcome::Failed { reason } => bail!("{url} can't be read: {reason}"),
    }
}

fn read_limited(path: &Path, bytes_max: usize) -> anyhow::Result<String> {
    let name = path.display();
    let size = std::fs::metadata(path).with_context(|| format!("could not read {name}"))?.len();
    ensure!(size <= bytes_max as u64, "{name} has more than {bytes_max} bytes");
    std::fs::read_to_string(path).with_context(|| format!("could not read {name}"))
}
