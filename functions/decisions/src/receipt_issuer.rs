//! Signs receipts, for the operations and the callbacks alike. See docs/decisions/0037-receipts.md.

use std::sync::atomic::{AtomicBool, Ordering};

use handrail_context::cx::Cx;
use handrail_domain::decision::{Decision, RECEIPT_TYPE, ReceiptClaims, State, closing_seq, receipt_claims};
use handrail_domain::record::Record;
use handrail_platform::fault::Fault;
use handrail_records::log::{all_events, chain_up_to};
use handrail_secrets::jws;
use handrail_secrets::keys::KeyPurpose;
use handrail_secrets::signing_key::{SigningKey, SigningPurpose};
use handrail_store::StoredPublicKey;

/// Signed receipt, with its claims.
pub(crate) struct Receipt {
    pub signed: String,
    pub claims: ReceiptClaims,
}

/// `true` once this process has stored its public key.
#[derive(Default)]
struct IsKeyStored(AtomicBool);

/// Returns the receipt of a decision. `None` if the decision is open.
///
/// All receipts of a decision have the same bytes, as long as the key and the origin are the same.
pub(crate) async fn issue(cx: &Cx, record: &Record<Decision>) -> Result<Option<Receipt>, Fault> {
    let current = record.as_of(cx.clock.now());
    if matches!(current.state(), State::Pending | State::Escalated) {
        return Ok(None);
    }
    let events = all_events(cx, record).await?;
    let closing = closing_seq(events.iter().map(|logged| &logged.entry));
    let closing = closing.ok_or_else(|| Fault::internal("a record has no event"))?;
    let log_hash = chain_up_to(record, &events, closing);
    let Some(claims) = receipt_claims(&current, cx.origin()?, log_hash) else { return Ok(None) };
    let key = SigningKey::new(cx.key(KeyPurpose::Receipts)?, SigningPurpose::Receipts);
    store_public_key(cx, &key).await?;
    let payload = serde_json::to_string(&claims)
        .map_err(|error| Fault::internal_with_source("a receipt can't be written as JSON", error))?;
    Ok(Some(Receipt { signed: jws::sign(&key, RECEIPT_TYPE, &payload), claims }))
}

/// Stores the public key before the first signature of this process. So whoever has a receipt finds its key, also after the
/// secret was replaced.
async fn store_public_key(cx: &Cx, key: &SigningKey) -> Result<(), Fault> {
    let is_stored = cx.process_state::<IsKeyStored>();
    if is_stored.0.load(Ordering::Relaxed) {
        return Ok(());
    }
    let public_key = key.public_key();
    let stored = StoredPublicKey { key_id: public_key.key_id(), key: public_key.to_base64url() };
    cx.store.put_receipt_key(&stored, cx.clock.now()).await?;
    is_stored.0.store(true, Ordering::Relaxed);
    Ok(())
}
