//! Trimming of logs with large entries, which keeps the stored record below the size limit of an item.

use handrail_domain::packet::State;
use handrail_domain::record::{LOG_BYTES_MAX, LOG_ENTRIES_MAX};
use serde_json::json;

use super::fixtures::{START, Setup, TestPacket, packet_in};

fn log_bytes(packet: &TestPacket) -> usize {
    packet.record.log.iter().map(|encoded| encoded.text.len()).sum()
}

/// The packet after each of `times` answers and reopened checkpoints.
fn repeatedly_answered_packets(times: usize, response: &str) -> Vec<TestPacket> {
    let mut packet = packet_in(State::AwaitingHuman, Setup::WITH_CHECKPOINT);
    let mut all = Vec::new();
    for index in 0..times {
        let at = START.plus_ms(10_000 + i64::try_from(index).unwrap() * 20);
        packet = packet.answer(response, at).unwrap();
        all.push(packet.clone());
        packet = packet.patch(&json!({"status": "awaiting_human"}), at.plus_ms(10)).unwrap();
        all.push(packet.clone());
    }
    all
}

#[test]
fn large_entries_are_trimmed_by_size() {
    let all = repeatedly_answered_packets(30, &"é".repeat(10_000));
    assert!(all.iter().all(|packet| log_bytes(packet) <= LOG_BYTES_MAX));
    assert!(all.iter().any(|packet| log_bytes(packet) > LOG_BYTES_MAX / 2), "the log is not trimmed too early");
    let trimmed = all.windows(2).filter(|pair| pair[1].record.log.len() <= pair[0].record.log.len());
    let bytes_after_trimming: Vec<_> = trimmed.map(|pair| log_bytes(&pair[1])).collect();
    assert!(
        bytes_after_trimming.len() > 3 && bytes_after_trimming.iter().all(|bytes| *bytes <= LOG_BYTES_MAX / 2),
        "{bytes_after_trimming:?}"
    );
    let last = all.last().unwrap();
    assert_eq!(last.record.seq, 3 + 60);
    let numbers: Vec<_> = last.record.log.iter().map(|encoded| encoded.entry.seq).collect();
    assert_eq!(numbers, (last.record.seq + 1 - numbers.len() as u64..=last.record.seq).collect::<Vec<_>>());
    assert_eq!(last.record.newest().unwrap().seq, last.record.seq);
}

#[test]
fn newest_entry_is_never_trimmed() {
    // Each character takes six bytes as JSON.
    let response = "\u{1}".repeat(40_000);
    for packet in repeatedly_answered_packets(3, &response) {
        assert_eq!(packet.record.newest().unwrap().seq, packet.record.seq);
        assert!(packet.record.log.len() <= 2);
    }
}

#[test]
fn small_entries_are_trimmed_by_count() {
    let all = repeatedly_answered_packets(60, "yes");
    assert!(all.iter().all(|packet| packet.record.log.len() <= LOG_ENTRIES_MAX));
    assert_eq!(all.iter().map(|packet| packet.record.log.len()).max(), Some(LOG_ENTRIES_MAX));
}
