//! What is true of every world that has come to rest, whatever broke in it before.

use std::collections::{BTreeMap, BTreeSet};

use handrail_domain::decision::{Decision, DecisionEvent, asked_now};
use handrail_domain::effect::{Effect, Purpose};
use handrail_domain::file::check_file;
use handrail_domain::lifecycle::{Lifecycle, Row};
use handrail_domain::record::{ChainHash, digest_of};
use handrail_kernel::store::{DeliveryKey, DeliveryStatus};
use http::Method;
use serde_json::Value;

use crate::evidence::{Evidence, Kept, number, text};
use crate::feed;
use crate::packets;
use crate::scene::{Question, Scene};

/// Panics where a law does not hold. The world has come to rest, and nothing breaks any more.
pub(crate) async fn check(scene: &mut Scene) {
    let evidence = Evidence::of(&scene.world).await;
    for kept in &evidence.records {
        the_record_explains_itself(kept);
        nothing_is_overdue(scene, &evidence, kept);
        what_follows_has_followed(scene, &evidence, kept);
    }
    packets::check(scene, &evidence);
    nothing_else_was_sent(scene, &evidence);
    assert_eq!(evidence.dead, Vec::<Value>::new(), "no message is given up because of one fault");
    what_was_told_is_true(scene, &evidence).await;
    feed::tells_every_event_once(&evidence.table);
}

/// The pump lives: the next decision finds its approver.
pub(crate) async fn another_decision_is_mailed(scene: &mut Scene) {
    let admin = scene.world.admin.clone();
    let id = scene.ask(&admin, Question { name: Some("another"), context: "After the fault." }).await.id();
    scene.wait_until_sent(&id, Purpose::AskApprover).await;
}

/// Log, chain, standing, event items and index attributes say the same.
fn the_record_explains_itself(kept: &Kept) {
    let record = &kept.record;
    let seqs: Vec<u64> = record.log.iter().map(|line| line.entry.seq).collect();
    assert_eq!(seqs, (1..=record.seq).collect::<Vec<_>>(), "the log has every event once");
    let lines: Vec<&str> = record.log.iter().map(|line| line.text.as_str()).collect();
    let chain = lines.iter().fold(ChainHash::genesis(record.tenant, record.id), |chain, line| chain.then(line));
    assert_eq!(record.chain, chain, "the chain commits to the log");
    assert_eq!(kept.events, lines, "the event items are the log");
    let commands: BTreeSet<String> = record.log.iter().map(|line| format!("{:?}", line.entry.command)).collect();
    assert_eq!(commands.len(), lines.len(), "a command made two events");

    let (first, rest) = record.log.split_first().expect("a record has a first event");
    let DecisionEvent::Created { ask_sha256 } = &first.entry.event else { panic!("the first event is the ask") };
    assert_eq!(*ask_sha256, digest_of(&record.ask), "the log commits to what was asked");
    let mut standing = Decision::after(None, &first.entry);
    for line in rest {
        let from = Decision::state(&standing);
        standing = Decision::after(Some(&standing), &line.entry);
        let event = Decision::event_name(&line.entry.event);
        let allowed = |row: &Row<_, _>| row.from == from && row.to == Decision::state(&standing) && row.event == event;
        assert!(Decision::TABLE.rows.iter().any(allowed), "{event} does not lead on from {from:?}");
    }
    assert_eq!(record.standing, standing, "the events fold to the standing");

    assert_eq!(text(&kept.head, "state"), record.state().name());
    assert_eq!(number(&kept.head, "due_at"), record.due().map(|due| due.at.as_unix_ms()));
    assert_eq!(number(&kept.head, "due_sk"), record.due().map(|due| due.at.as_unix_ms()));
    let ask_sk = text(&kept.head, "ask_sk");
    for ask in kept.asks.iter().filter(|ask| text(ask, "sk") == ask_sk) {
        assert!(!ask.contains_key("ttl"), "the ask of a record that was made is no orphan");
    }
}

fn nothing_is_overdue(scene: &Scene, evidence: &Evidence, kept: &Kept) {
    let Some(due) = kept.record.due() else { return };
    assert!(due.at > scene.world.now(), "a deadline passed and nothing happened");
    let (id, due_at) = (kept.record.id.to_string(), due.at.to_string());
    let timer = |waiting: &&Value| {
        let message = &waiting["message"];
        message["do"] == "timer" && message["id"] == *id && message["due_at"] == *due_at
    };
    assert!(
        evidence.waiting.iter().any(|waiting| timer(&waiting)),
        "nobody waits for the deadline: {:?}",
        evidence.waiting
    );
}

/// Each effect of each event happened, under one id and with one content.
fn what_follows_has_followed(scene: &Scene, evidence: &Evidence, kept: &Kept) {
    for (id, effect) in effects_of(kept) {
        let delivery = kept.deliveries.iter().find(|delivery| delivery.id == id);
        if let Some(at) = effect.not_before().filter(|at| *at > scene.world.now()) {
            let waits =
                |waiting: &Value| waiting["message"]["do"] == "later" && waiting["message"]["at"] == *at.to_string();
            assert!(evidence.waiting.iter().any(waits), "nobody waits to send {id}: {:?}", evidence.waiting);
            continue;
        }
        match effect {
            Effect::Callback(purpose) | Effect::CallbackAt(purpose, _) => {
                let calls: Vec<_> = scene.calls.iter().filter(|call| call.header("webhook-id") == id).collect();
                let first = calls.first().unwrap_or_else(|| panic!("nobody was called: {id}"));
                assert!(calls.iter().all(|call| call.body == first.body), "a repeat of {id} has another body");
                assert_eq!(first.json()["decision"]["id"], kept.record.id.to_string());
                assert_eq!(first.json()["event"], event_of(purpose));
                let delivery = delivery.unwrap_or_else(|| panic!("no delivery is recorded: {id}"));
                assert_eq!(delivery.status, DeliveryStatus::Delivered, "{id}: {:?}", delivery.attempts);
                assert_eq!(delivery.body.as_bytes(), first.body, "{id}");
            }
            Effect::Keep(_) => files_are_kept(scene, kept),
            Effect::Mail(purpose) | Effect::MailAt(purpose, _) => {
                let mails = evidence.mails.iter().filter(|mail| mail["id"] == *id).count();
                assert!(mails <= 1, "{id} lies in the mailbox {mails} times");
                // Whoever is no longer asked need not have been mailed.
                if purpose == still_to_ask(kept) {
                    assert_eq!(mails, 1, "{id} was not mailed");
                    assert_eq!(delivery.map(|delivery| delivery.status), Some(DeliveryStatus::Delivered), "{id}");
                }
            }
            Effect::Slack(_) => {
                // Nothing to edit where nothing was posted.
                if kept.deliveries.iter().any(|delivery| delivery.slack.is_some()) {
                    assert_eq!(delivery.map(|delivery| delivery.status), Some(DeliveryStatus::Delivered), "{id}");
                }
            }
        }
    }
}

/// Every file that the record names lies whole where nothing removes it.
fn files_are_kept(scene: &Scene, kept: &Kept) {
    for file in kept.record.standing.files() {
        let name = format!("{}.{}.{}", kept.record.tenant, kept.record.id, file.id);
        let bytes = std::fs::read(scene.world.files.path().join("kept").join(&name));
        let bytes = bytes.unwrap_or_else(|error| panic!("{} is named and not kept: {error}", file.name));
        assert_eq!(check_file(&file.name, &bytes).expect("it was checked before").sha256, file.sha256);
    }
}

fn effects_of(kept: &Kept) -> Vec<(String, Effect)> {
    let (tenant, record) = (kept.record.tenant, kept.record.id);
    let of =
        |seq, effect: Effect| (DeliveryKey { tenant, record, seq, purpose: effect.purpose(), hook: None }.id(), effect);
    let entries = kept.record.log.iter().map(|line| &line.entry);
    entries
        .flat_map(|entry| {
            Decision::effects(&kept.record.ask, entry).into_iter().map(move |effect| of(entry.seq, effect))
        })
        .collect()
}

/// The mail that the person who is asked now must have. Not a mail's purpose where nobody is asked.
fn still_to_ask(kept: &Kept) -> Purpose {
    match asked_now(&kept.record) {
        Some(person) if person.same_mailbox(&kept.record.ask.approver) => Purpose::AskApprover,
        Some(_) => Purpose::AskBackup,
        None => Purpose::AnnounceResolved,
    }
}

fn event_of(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::AnnounceCreated => "decision.created",
        Purpose::AnnounceResolved => "decision.resolved",
        Purpose::AnnounceEscalated => "decision.escalated",
        Purpose::AnnounceExpired => "decision.expired",
        Purpose::AnnounceCancelled => "decision.cancelled",
        Purpose::AnnounceDue => "decision.due",
        Purpose::AskApprover
        | Purpose::AskBackup
        | Purpose::RemindHalf
        | Purpose::RemindLast
        | Purpose::SignIn
        | Purpose::UpdateSlack
        | Purpose::KeepFiles
        | Purpose::Announce => {
            panic!("that is no call")
        }
    }
}

/// What came belongs to an event, and one answer is announced once.
fn nothing_else_was_sent(scene: &Scene, evidence: &Evidence) {
    let decisions = evidence.records.iter().flat_map(effects_of).map(|(id, _)| id);
    let asked = evidence.packets.iter().flat_map(packets::effects_of).map(|(id, _)| id);
    let expected: BTreeSet<String> = decisions.chain(asked).collect();
    let mut resolved: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    // What hooks are told, their own journey looks at.
    for call in scene.calls.iter().filter(|call| call.header("x-hr-event").is_empty()) {
        let (id, json) = (call.header("webhook-id"), call.json());
        assert!(expected.contains(id), "{id} was called and belongs to no event");
        if json["event"] == "decision.resolved" {
            resolved.entry(json["decision"]["id"].to_string()).or_default().insert(id);
        }
    }
    assert!(resolved.values().all(|ids| ids.len() == 1), "an answer was announced twice: {resolved:?}");
    let of_decisions = |mail: &&Value| !mail["id"].as_str().is_some_and(|id| id.ends_with("_sign-in"));
    for mail in evidence.mails.iter().filter(of_decisions) {
        assert!(mail["id"].as_str().is_some_and(|id| expected.contains(id)), "a mail belongs to no event: {mail}");
    }
}

/// A 2xx stays true.
async fn what_was_told_is_true(scene: &Scene, evidence: &Evidence) {
    for id in &scene.told.created {
        let kept = evidence.record(id).unwrap_or_else(|| panic!("{id} was acknowledged and is not there"));
        let path = format!("/decisions/{id}");
        let seen = scene.insist(&scene.world.admin, Method::GET, &path, &[], String::new(), 200).await;
        assert_eq!(seen.json["status"], kept.record.state().name());
    }
    for (id, names) in &scene.told.attached {
        let kept = evidence.record(id).unwrap_or_else(|| panic!("{id} took files and is not there"));
        let found: Vec<_> = kept.record.standing.attachments.iter().map(|file| file.name.clone()).collect();
        assert!(found.starts_with(names), "what was acknowledged stays: {names:?} in {found:?}");
        let once: BTreeSet<_> = found.iter().collect();
        assert_eq!(once.len(), found.len(), "a file came twice: {found:?}");
    }
    for (id, status) in &scene.told.answered {
        let kept = evidence.record(id).unwrap_or_else(|| panic!("{id} was answered and is not there"));
        assert_eq!(kept.record.state().name(), *status, "{id} was acknowledged otherwise");
    }
}
