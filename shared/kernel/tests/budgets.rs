//! A key's requests of a minute, of which a process leases many at once.

#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

use futures_util::future::join_all;
use handrail_domain::ids::KeyId;
use handrail_kernel::access::{Allowance, Budget, left, spend};
use handrail_kernel::store::Key;
use handrail_test_desk::{Desk, NOON, settings, tenant};

const LIMIT: u32 = 600;

fn key() -> Key {
    let key = Key::new(KeyId::new(NOON, [2; 10]), tenant(), "agent", NOON);
    assert_eq!(key.requests_per_minute, LIMIT);
    key
}

/// So many at the same moment; how many of them may.
async fn at_once(desk: &Desk, key: &Key, requests: usize) -> usize {
    let all = join_all((0..requests).map(|_| spend(&desk.cx, key, Budget::Calls))).await;
    all.into_iter().filter(Result::is_ok).count()
}

fn in_hand(desk: &Desk, key: &Key) -> u32 {
    left(&desk.cx, &Allowance::of_key(key, Budget::Calls)).unwrap().remaining
}

/// A process that is busy leases large blocks. If each of those that find nothing left leased one, they would hold the
/// minute among them, and the last would be refused with most of it unspent.
#[tokio::test]
async fn who_comes_at_once_with_others_is_not_refused_while_there_is_room() {
    let (desk, key) = (Desk::new(settings()).await, key());
    let mut spent = 0;
    for requests in [1, 1, 2, 4, 8, 16, 30, 30, 1] {
        assert_eq!(at_once(&desk, &key, requests).await, requests);
        spent += requests;
    }
    for _ in 0..3 {
        assert_eq!(at_once(&desk, &key, 150).await, 150, "after {spent}");
        spent += 150;
    }
    assert_eq!(in_hand(&desk, &key), LIMIT - u32::try_from(spent).unwrap());
}

#[tokio::test]
async fn no_more_are_let_through_than_the_limit_says_however_they_come() {
    let (desk, key) = (Desk::new(settings()).await, key());
    let mut through = 0;
    for requests in [1, 50, 3, 200, 1, 1, 1, 100, 80, 300] {
        through += at_once(&desk, &key, requests).await;
    }
    assert_eq!(through, usize::try_from(LIMIT).unwrap());
    desk.advance_ms(60_000);
    assert_eq!(at_once(&desk, &key, 100).await, 100);
}
