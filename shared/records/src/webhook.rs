//! Creation of webhooks, and the secrets that sign their deliveries.
//!
//! The caller chooses the secret, so it can't be derived from the master key. It is stored encrypted, never returned,
//! and decrypted only by the worker that sends the delivery.

use handrail_domain::ids::TenantId;
use handrail_domain::webhook::WebhookId;
use handrail_domain::webhook_health::WebhookHealth;
use handrail_secrets::keys::KeyPurpose;

use handrail_context::cx::Cx;
use handrail_context::effect_ids::EffectIds;
use handrail_platform::fault::Fault;
use handrail_secrets::seal::{open, seal};
use handrail_secrets::secret::Secret;
use handrail_store::{WEBHOOKS_MAX, Webhook};

const SEAL_PURPOSE: &str = "hook";

/// Attempts to put a webhook into a slot. Slots are chosen at random, so concurrent requests seldom collide.
const ATTEMPTS_MAX: usize = 8;

/// Parameters of a new webhook.
pub struct WebhookParams {
    pub url: String,
    pub events: Vec<String>,
    pub secret: Secret,
}

/// Creates a webhook, or finds the one that an earlier run created. Returns `None` if the tenant has reached its
/// maximum.
pub async fn create(
    cx: &Cx,
    ids: &EffectIds,
    tenant: TenantId,
    kind: &str,
    params: &WebhookParams,
) -> Result<Option<Webhook>, Fault> {
    for attempt in 0..ATTEMPTS_MAX {
        let existing = cx.store.webhooks(tenant, kind).await?;
        let [random] = ids.bytes(&format!("slot {attempt}"));
        let entropy = ids.bytes("webhook");
        let id_in_slot = |slot| WebhookId::new(ids.now(), entropy, slot);
        // An earlier run may have chosen any slot.
        let is_same = |webhook: &&Webhook| ids.is_repeat() && webhook.id == id_in_slot(webhook.id.slot());
        if let Some(found) = existing.iter().find(is_same) {
            return Ok(Some(found.clone()));
        }
        let Some(chosen) = choose_slot(&existing, random) else { return Ok(None) };
        let id = id_in_slot(chosen.slot);
        let webhook = build_webhook(cx, id, tenant, params)?;
        if cx.store.put_webhook(kind, &webhook, chosen.replaces).await? {
            return Ok(Some(webhook));
        }
    }
    Err(Fault::Busy("too many webhooks are being created at once".into()))
}

/// Builds a webhook with this id, which contains its slot. Does not store the webhook.
pub fn build_webhook(cx: &Cx, id: WebhookId, tenant: TenantId, params: &WebhookParams) -> Result<Webhook, Fault> {
    let sealed = seal(
        cx.key(KeyPurpose::Webhooks)?,
        &*cx.entropy,
        SEAL_PURPOSE,
        &seal_owner(tenant, id),
        params.secret.expose(),
    )?;
    let (url, events) = (params.url.clone(), params.events.clone());
    Ok(Webhook {
        id,
        tenant,
        url,
        events,
        created_at: cx.clock.now(),
        closed_at: None,
        close_reason: None,
        sealed_secret: Some(sealed),
        health: WebhookHealth::default(),
        health_version: 0,
    })
}

/// Decrypts the secret that signs deliveries of this webhook. Returns `None` if the webhook is closed.
pub fn signing_secret(cx: &Cx, webhook: &Webhook) -> Result<Option<Secret>, Fault> {
    let Some(sealed) = &webhook.sealed_secret else { return Ok(None) };
    Ok(Some(Secret::new(open(
        cx.key(KeyPurpose::Webhooks)?,
        SEAL_PURPOSE,
        &seal_owner(webhook.tenant, webhook.id),
        sealed,
    )?)))
}

fn seal_owner(tenant: TenantId, id: WebhookId) -> String {
    format!("{tenant}#{id}")
}

struct ChosenSlot {
    slot: u8,
    replaces: Option<WebhookId>,
}

/// Chooses a random free slot, or the slot of the webhook that was closed first if none is free. Returns `None` if all
/// webhooks are active.
fn choose_slot(existing: &[Webhook], random: u8) -> Option<ChosenSlot> {
    let free: Vec<u8> =
        (0..WEBHOOKS_MAX).filter(|slot| !existing.iter().any(|webhook| webhook.id.slot() == *slot)).collect();
    if let Some(slot) = free.get(usize::from(random) % free.len().max(1)) {
        return Some(ChosenSlot { slot: *slot, replaces: None });
    }
    let closed = existing.iter().filter(|webhook| !webhook.is_active()).min_by_key(|webhook| webhook.closed_at)?;
    Some(ChosenSlot { slot: closed.id.slot(), replaces: Some(closed.id) })
}

#[cfg(test)]
mod tests {
    use handrail_domain::time::Timestamp;

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_ms(1_790_000_000_000);

    fn webhook(slot: u8, closed_ms: Option<i64>) -> Webhook {
        Webhook {
            id: WebhookId::new(NOW, [1; 10], slot),
            tenant: TenantId::new(NOW, [2; 10]),
            url: "https://example.com/".to_owned(),
            events: Vec::new(),
            created_at: NOW,
            closed_at: closed_ms.map(|ms| NOW.plus_ms(ms)),
            close_reason: None,
            sealed_secret: None,
            health: WebhookHealth::default(),
            health_version: 0,
        }
    }

    #[test]
    fn free_slot_is_chosen_before_closed_webhook() {
        let closed: Vec<Webhook> = (0..WEBHOOKS_MAX - 1).map(|slot| webhook(slot, Some(i64::from(slot)))).collect();
        for random in [0, 1, 255] {
            let chosen = choose_slot(&closed, random).unwrap();
            assert_eq!((chosen.slot, chosen.replaces), (WEBHOOKS_MAX - 1, None));
        }
        assert!((0..=255).all(|random| choose_slot(&[], random).unwrap().slot < WEBHOOKS_MAX));
    }

    #[test]
    fn full_account_replaces_first_closed_webhook() {
        let mut all: Vec<Webhook> = (0..WEBHOOKS_MAX).map(|slot| webhook(slot, None)).collect();
        assert!(choose_slot(&all, 0).is_none());
        all[7] = webhook(7, Some(20));
        all[9] = webhook(9, Some(10));
        assert_eq!(choose_slot(&all, 0).unwrap().replaces, Some(all[9].id));
    }
}
