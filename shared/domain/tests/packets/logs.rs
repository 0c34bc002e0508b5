//! A log of large entries is cut by their bytes, so that a packet's head stays below what one item may hold.

use handrail_domain::packet::State;
use handrail_domain::record::{LOG_BYTES_MAX, LOG_ENTRIES_MAX};
use serde_json::json;

use super::support::{Held, START, Setup, held_in};

fn log_bytes(held: &Held) -> usize {
    held.record.log.iter().map(|line| line.text.len()).sum()
}

/// A person answers again and again, each time so much.
fn answered(times: usize, response: &str) -> Vec<Held> {
    let mut held = held_in(State::AwaitingHuman, Setup::ASKING);
    let mut all = Vec::new();
    for turn in 0..times {
        let at = START.plus_ms(10_000 + i64::try_from(turn).unwrap() * 20);
        held = held.answered(response, at).unwrap();
        all.push(held.clone());
        held = held.patched(&json!({"status": "awaiting_human"}), at.plus_ms(10)).unwrap();
        all.push(held.clone());
    }
    all
}

#[test]
fn large_entries_are_cut_before_they_are_many() {
    let all = answered(30, &"é".repeat(10_000));
    assert!(all.iter().all(|held| log_bytes(held) <= LOG_BYTES_MAX));
    assert!(all.iter().any(|held| log_bytes(held) > LOG_BYTES_MAX / 2), "not cut too early");
    let cut = all.windows(2).filter(|two| two[1].record.log.len() <= two[0].record.log.len());
    let after_cuts: Vec<_> = cut.map(|two| log_bytes(&two[1])).collect();
    assert!(after_cuts.len() > 3 && after_cuts.iter().all(|bytes| *bytes <= LOG_BYTES_MAX / 2), "{after_cuts:?}");
    let last = all.last().unwrap();
    assert_eq!(last.record.seq, 3 + 60);
    let numbers: Vec<_> = last.record.log.iter().map(|line| line.entry.seq).collect();
    assert_eq!(numbers, (last.record.seq + 1 - numbers.len() as u64..=last.record.seq).collect::<Vec<_>>());
    assert_eq!(last.record.newest().unwrap().seq, last.record.seq);
}

#[test]
fn the_newest_entry_stays_however_large() {
    // Six bytes each as JSON.
    let response = "\u{1}".repeat(40_000);
    for held in answered(3, &response) {
        assert_eq!(held.record.newest().unwrap().seq, held.record.seq);
        assert!(held.record.log.len() <= 2);
    }
}

#[test]
fn small_entries_are_cut_by_their_number() {
    let all = answered(60, "yes");
    assert!(all.iter().all(|held| held.record.log.len() <= LOG_ENTRIES_MAX));
    assert_eq!(all.iter().map(|held| held.record.log.len()).max(), Some(LOG_ENTRIES_MAX));
}
