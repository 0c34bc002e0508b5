//! Making a hook, and the secret that signs its calls.
//!
//! The secret is the caller's own, so it can't be derived as others are: it is kept sealed, shown to nobody, and opened only
//! by the worker that makes the call.

use handrail_domain::hook::HookId;
use handrail_domain::ids::TenantId;

use crate::cx::Cx;
use crate::fault::Fault;
use crate::seal::{open, seal};
use crate::slack::Secret;
use crate::store::{HOOKS_MAX, Hook};

const SEALED_FOR: &str = "hook";

/// Who loses a place tries another one. Places are drawn, so that many who come at once seldom meet.
const ATTEMPTS_MAX: usize = 8;

/// What somebody asks for.
pub struct Wanted {
    pub url: String,
    pub events: Vec<String>,
    pub secret: Secret,
}

/// A new hook. `None`: the account has as many as it may have.
pub async fn subscribe(cx: &Cx, tenant: TenantId, kind: &str, wanted: &Wanted) -> Result<Option<Hook>, Fault> {
    for _ in 0..ATTEMPTS_MAX {
        let there = cx.store.hooks(tenant, kind).await?;
        let [lot] = cx.entropy.bytes();
        let Some(place) = place_among(&there, lot) else { return Ok(None) };
        let id = HookId::new(cx.clock.now(), cx.entropy.bytes(), place.slot);
        let hook = in_place(cx, id, tenant, wanted)?;
        if cx.store.put_hook(kind, &hook, place.instead_of).await? {
            return Ok(Some(hook));
        }
    }
    Err(Fault::Busy("many hooks are made at once".into()))
}

/// The hook of this id, which says where it lies. It is not there before it is put there.
pub fn in_place(cx: &Cx, id: HookId, tenant: TenantId, wanted: &Wanted) -> Result<Hook, Fault> {
    let sealed = seal(cx.master()?, &*cx.entropy, SEALED_FOR, &owner(tenant, id), wanted.secret.expose())?;
    let (url, events) = (wanted.url.clone(), wanted.events.clone());
    Ok(Hook { id, tenant, url, events, created_at: cx.clock.now(), closed_at: None, sealed_secret: Some(sealed) })
}

/// What signs this hook's calls. `None`: it is called no more.
pub fn secret_of(cx: &Cx, hook: &Hook) -> Result<Option<Secret>, Fault> {
    let Some(sealed) = &hook.sealed_secret else { return Ok(None) };
    Ok(Some(Secret::new(open(cx.master()?, SEALED_FOR, &owner(hook.tenant, hook.id), sealed)?)))
}

fn owner(tenant: TenantId, id: HookId) -> String {
    format!("{tenant}#{id}")
}

struct Place {
    slot: u8,
    instead_of: Option<HookId>,
}

/// A free place, drawn by lot; where none is free, that of the hook which has not been called for longest.
fn place_among(there: &[Hook], lot: u8) -> Option<Place> {
    let free: Vec<u8> = (0..HOOKS_MAX).filter(|slot| !there.iter().any(|hook| hook.id.slot() == *slot)).collect();
    if let Some(slot) = free.get(usize::from(lot) % free.len().max(1)) {
        return Some(Place { slot: *slot, instead_of: None });
    }
    let longest = there.iter().filter(|hook| !hook.is_active()).min_by_key(|hook| hook.closed_at)?;
    Some(Place { slot: longest.id.slot(), instead_of: Some(longest.id) })
}

#[cfg(test)]
mod tests {
    use handrail_domain::time::Timestamp;

    use super::*;

    const AT: Timestamp = Timestamp::from_unix_ms(1_790_000_000_000);

    fn hook(slot: u8, closed_ms: Option<i64>) -> Hook {
        Hook {
            id: HookId::new(AT, [1; 10], slot),
            tenant: TenantId::new(AT, [2; 10]),
            url: "https://example.com/".to_owned(),
            events: Vec::new(),
            created_at: AT,
            closed_at: closed_ms.map(|ms| AT.plus_ms(ms)),
            sealed_secret: None,
        }
    }

    #[test]
    fn a_free_place_comes_before_one_that_was_left() {
        let left: Vec<Hook> = (0..HOOKS_MAX - 1).map(|slot| hook(slot, Some(i64::from(slot)))).collect();
        for lot in [0, 1, 255] {
            let place = place_among(&left, lot).unwrap();
            assert_eq!((place.slot, place.instead_of), (HOOKS_MAX - 1, None));
        }
        assert!((0..=255).all(|lot| place_among(&[], lot).unwrap().slot < HOOKS_MAX));
    }

    #[test]
    fn where_all_are_taken_the_one_left_first_goes() {
        let mut all: Vec<Hook> = (0..HOOKS_MAX).map(|slot| hook(slot, None)).collect();
        assert!(place_among(&all, 0).is_none());
        all[7] = hook(7, Some(20));
        all[9] = hook(9, Some(10));
        assert_eq!(place_among(&all, 0).unwrap().instead_of, Some(all[9].id));
    }
}
