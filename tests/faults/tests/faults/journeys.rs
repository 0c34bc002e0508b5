//! The journeys that are broken in every place. Each can be walked again from its start after a kill, as a client does that
//! comes back and repeats what it was at: so it names its commands, and waits only for what has not happened yet.

use std::pin::Pin;

use handrail_domain::effect::Purpose;
use http::Method;
use serde_json::{Value, json};

use crate::scene::{Question, Scene};

pub(crate) type Walk<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

pub(crate) struct Journey {
    pub name: &'static str,
    /// Does the agent's key name somebody who is asked when the approver does not answer?
    pub backup: bool,
    pub walk: for<'a> fn(&'a mut Scene) -> Walk<'a>,
    /// What it has at least on the main table, and on the local one.
    pub calls_min: [CallsMin; 2],
}

#[derive(Clone, Copy)]
pub(crate) struct CallsMin {
    pub all: usize,
    pub writes: usize,
}

const SMALL: &str = "Wrong size, twice.";

pub(crate) const UNNAMED: Journey = Journey {
    name: "an unnamed ask is mailed",
    backup: false,
    calls_min: [CallsMin { all: 1, writes: 1 }, CallsMin { all: 1, writes: 0 }],
    walk: |scene| {
        Box::pin(async {
            scene.begins();
            let agent = scene.agent();
            let id = scene.ask(&agent, Question { name: None, context: SMALL }).await.id();
            scene.wait_until_sent(&id, Purpose::AskApprover).await;
        })
    },
};

pub(crate) const REPEATED: Journey = Journey {
    name: "a repeated ask is one decision",
    backup: false,
    calls_min: [CallsMin { all: 1, writes: 1 }, CallsMin { all: 1, writes: 0 }],
    walk: |scene| {
        Box::pin(async {
            scene.begins();
            let agent = scene.agent();
            let id = scene.ask(&agent, Question { name: Some("once"), context: SMALL }).await.id();
            scene.ask(&agent, Question { name: Some("once"), context: SMALL }).await;
            scene.wait_until_sent(&id, Purpose::AskApprover).await;
        })
    },
};

pub(crate) const LARGE: Journey = Journey {
    name: "a large ask beside the head",
    backup: false,
    calls_min: [CallsMin { all: 1, writes: 1 }, CallsMin { all: 1, writes: 0 }],
    walk: |scene| {
        Box::pin(async {
            scene.begins();
            let agent = scene.agent();
            let context = incompressible(12_000);
            let id = scene.ask(&agent, Question { name: Some("large"), context: &context }).await.id();
            scene.ask(&agent, Question { name: Some("large"), context: &context }).await;
            scene.tap(&id, Purpose::AskApprover, "approve").await;
            scene.wait_until_sent(&id, Purpose::AnnounceResolved).await;
        })
    },
};

pub(crate) const BY_PAGE: Journey = Journey {
    name: "an answer from the page",
    backup: false,
    calls_min: [CallsMin { all: 1, writes: 1 }, CallsMin { all: 1, writes: 0 }],
    walk: |scene| {
        Box::pin(async {
            let agent = scene.agent();
            let id = scene.ask(&agent, Question { name: Some("page"), context: SMALL }).await.id();
            scene.wait_until_sent(&id, Purpose::AskApprover).await;
            scene.begins();
            scene.tap(&id, Purpose::AskApprover, "approve").await;
            scene.wait_until_sent(&id, Purpose::AnnounceResolved).await;
            // Too late, and the loser learns it.
            let lost = scene.resolve(&id, "deny", "too late", 409).await;
            assert_eq!(
                (&lost.json["code"], &lost.json["resolved_by"]),
                (&"ALREADY_RESOLVED".into(), &"ann@example.com".into())
            );
        })
    },
};

pub(crate) const CHECKPOINT: Journey = Journey {
    name: "a packet asks a person",
    backup: false,
    calls_min: [CallsMin { all: 8, writes: 6 }, CallsMin { all: 1, writes: 0 }],
    walk: |scene| {
        Box::pin(async {
            scene.begins();
            let id = scene.hand_over("asks first").await;
            scene.wait_until_sent(&id, Purpose::AskApprover).await;
            scene.reply(&id, "gladly").await;
            // The same tap again is the same answer, and another one comes too late.
            scene.reply(&id, "gladly").await;
            let body = serde_json::json!({"response": "no", "responded_by": "tom"}).to_string();
            let headers = [("content-type", "application/json")];
            let (client, path) = (scene.world.admin.of_packets(), format!("/api/v1/packets/{id}/respond"));
            scene.insist(&client, Method::POST, &path, &headers, body, 409).await;
        })
    },
};

pub(crate) const BY_API: Journey = Journey {
    name: "an answer by API",
    backup: false,
    calls_min: [CallsMin { all: 1, writes: 1 }, CallsMin { all: 1, writes: 0 }],
    walk: |scene| {
        Box::pin(async {
            let agent = scene.agent();
            let id = scene.ask(&agent, Question { name: Some("api"), context: SMALL }).await.id();
            scene.world.settle().await;
            scene.begins();
            scene.resolve(&id, "deny", "the answer", 200).await;
            // The answer that was lost on its way is asked for again.
            scene.resolve(&id, "deny", "the answer", 200).await;
            scene.wait_until_sent(&id, Purpose::AnnounceResolved).await;
        })
    },
};

pub(crate) const EXPIRES: Journey = Journey {
    name: "nobody answers",
    backup: false,
    calls_min: [CallsMin { all: 1, writes: 1 }, CallsMin { all: 1, writes: 0 }],
    walk: |scene| {
        Box::pin(async {
            let agent = scene.agent();
            let asked = scene.ask(&agent, Question { name: Some("nobody"), context: SMALL }).await;
            scene.world.settle().await;
            scene.begins();
            scene.advance_past(&asked.json["expires_at"]).await;
            let seen =
                scene.insist(&agent, Method::GET, &format!("/decisions/{}", asked.id()), &[], String::new(), 200).await;
            assert_eq!(seen.json["status"], "expired", "whether or not a timer fired");
            scene.resolve(&asked.id(), "approve", "too late", 410).await;
            scene.wait_until_sent(&asked.id(), Purpose::AnnounceExpired).await;
        })
    },
};

pub(crate) const ESCALATES: Journey = Journey {
    name: "the backup answers",
    backup: true,
    calls_min: [CallsMin { all: 1, writes: 1 }, CallsMin { all: 1, writes: 0 }],
    walk: |scene| {
        Box::pin(async {
            let agent = scene.agent();
            let asked = scene.ask(&agent, Question { name: Some("backup"), context: SMALL }).await;
            scene.world.settle().await;
            scene.begins();
            scene.advance_past(&asked.json["expires_at"]).await;
            scene.tap(&asked.id(), Purpose::AskBackup, "approve").await;
            scene.wait_until_sent(&asked.id(), Purpose::AnnounceEscalated).await;
            scene.wait_until_sent(&asked.id(), Purpose::AnnounceResolved).await;
        })
    },
};

pub(crate) const CALLED_TWICE: Journey = Journey {
    name: "a callback that fails once",
    backup: false,
    calls_min: [CallsMin { all: 1, writes: 1 }, CallsMin { all: 1, writes: 0 }],
    walk: |scene| {
        Box::pin(async {
            let agent = scene.agent();
            scene.world.receiver.answer_with(&[500]);
            let id = scene.ask(&agent, Question { name: Some("called"), context: SMALL }).await.id();
            scene.world.settle().await;
            scene.begins();
            scene.resolve(&id, "approve", "the answer", 200).await;
            scene.wait_until_sent(&id, Purpose::AnnounceResolved).await;
            scene.calls.extend(scene.world.receiver.take());
            assert!(scene.calls.len() >= 2, "the call that failed is made again");
        })
    },
};

pub(crate) const ATTACHED: Journey = Journey {
    name: "files beside a request",
    backup: false,
    calls_min: [CallsMin { all: 1, writes: 1 }, CallsMin { all: 1, writes: 0 }],
    walk: |scene| {
        Box::pin(async {
            let agent = scene.agent();
            let id = scene.ask(&agent, Question { name: Some("with files"), context: SMALL }).await.id();
            scene.world.settle().await;
            scene.begins();
            scene.attach(&id, "first").await;
            // Asked again by a client that did not hear the answer, and it is one request.
            scene.attach(&id, "first").await;
            scene.attach(&id, "second").await;
            scene.world.settle().await;
        })
    },
};

pub(crate) const HANDED_OVER: Journey = Journey {
    name: "a packet is handed over",
    backup: false,
    calls_min: [CallsMin { all: 12, writes: 8 }, CallsMin { all: 1, writes: 0 }],
    walk: |scene| {
        Box::pin(async {
            scene.begins();
            let agent = scene.agent().of_packets();
            let made = scene.post(&agent, "/api/v1/packets", "made", &packet(), 201).await;
            let path = format!("/api/v1/packets/{}", made.id());
            let claim = json!({"agent_id": "b-1", "agent_name": "Billing"});
            scene.post(&agent, &format!("{path}/claim"), "claimed", &claim, 200).await;
            // Said again, it is a packet that was completed already.
            let done = json!({"status": "completed"}).to_string();
            let headers = [("content-type", "application/json")];
            scene.insist(&agent, Method::PATCH, &path, &headers, done, 200).await;
            scene.world.settle().await;
        })
    },
};

fn packet() -> Value {
    json!({
        "metadata": {"source_agent": {"id": "a-1", "name": "Sales"}, "target_agent": {"id": "b-1", "name": "Billing"}},
        "context": {"summary": SMALL},
    })
}

pub(crate) const REVOKED: Journey = Journey {
    name: "a revoked key",
    backup: false,
    calls_min: [CallsMin { all: 1, writes: 1 }, CallsMin { all: 1, writes: 0 }],
    walk: |scene| {
        Box::pin(async {
            scene.begins();
            let (admin, path) = (scene.world.admin.clone(), format!("/auth/api-keys/{}", scene.agent_id));
            scene.insist(&admin, Method::DELETE, &path, &[], String::new(), 200).await;
            scene.insist(&scene.agent(), Method::GET, "/auth/me", &[], String::new(), 401).await;
            scene.insist(&admin, Method::DELETE, &path, &[], String::new(), 200).await;
        })
    },
};

pub(crate) const SIGNS_IN: Journey = Journey {
    name: "a person signs in",
    backup: false,
    calls_min: [CallsMin { all: 5, writes: 4 }, CallsMin { all: 1, writes: 0 }],
    walk: |scene| {
        Box::pin(async {
            scene.begins();
            // An answer that is lost after the link was used costs another mail, and no more than that.
            for _ in 0..LINKS_MAX {
                let link = scene.login_link().await;
                let Some(token) = scene.enter(&link).await else { continue };
                let person = scene.world.admin.with_key(&token);
                scene.insist(&person, Method::GET, "/auth/me", &[], String::new(), 200).await;
                assert_eq!(scene.enter(&link).await, None, "a link signs in once");
                return;
            }
            panic!("nobody could sign in");
        })
    },
};

/// One fault spoils at most one link; a process that died may have spoilt another.
const LINKS_MAX: usize = 3;

/// Hexadecimal noise: deflate halves it and no more.
pub(crate) fn incompressible(chars: usize) -> String {
    let mut state: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from_digit(u32::try_from(state >> 60).unwrap_or(0), 16).unwrap_or('0')
    };
    (0..chars).map(|_| next()).collect()
}
