//! Journeys of the fault tests. Each can run again from its start after a crash, as a client does that comes back:
//! requests carry idempotency keys, and the journey waits only for what has not happened yet.

use std::pin::Pin;

use handrail_domain::approval_purpose::ApprovalPurpose;
use handrail_domain::decision::CallbackPurpose;
use http::Method;
use serde_json::{Value, json};

use crate::scenario::{DecisionRequest, Scenario};

pub(crate) type JourneyFuture<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

pub(crate) struct Journey {
    pub name: &'static str,
    /// `true` if the agent's API key names a backup approver.
    pub backup: bool,
    pub run: for<'a> fn(&'a mut Scenario) -> JourneyFuture<'a>,
    /// Fewest calls to the main table that are broken.
    pub calls_min: CallCount,
    /// Fewest calls to the local table that are broken. How often the worker loop looks there differs from run to run.
    pub local_calls_min: CallCount,
}

#[derive(Clone, Copy)]
pub(crate) struct CallCount {
    pub total: usize,
    pub writes: usize,
}

const SMALL_CONTEXT: &str = "Wrong size, twice.";

pub(crate) const CREATE_WITHOUT_IDEMPOTENCY_KEY: Journey = Journey {
    name: "create without idempotency key",
    backup: false,
    calls_min: CallCount { total: 9, writes: 6 },
    local_calls_min: CallCount { total: 8, writes: 5 },
    run: |scenario| {
        Box::pin(async {
            scenario.enable_fault();
            let agent = scenario.agent_client();
            let id = scenario
                .create_decision(&agent, DecisionRequest { idempotency_key: None, context: SMALL_CONTEXT })
                .await
                .id();
            scenario.wait_until_sent(&id, ApprovalPurpose::AskApprover.purpose()).await;
        })
    },
};

pub(crate) const REPEATED_CREATE: Journey = Journey {
    name: "repeated create",
    backup: false,
    calls_min: CallCount { total: 11, writes: 8 },
    local_calls_min: CallCount { total: 8, writes: 5 },
    run: |scenario| {
        Box::pin(async {
            scenario.enable_fault();
            let agent = scenario.agent_client();
            let id = scenario
                .create_decision(&agent, DecisionRequest { idempotency_key: Some("once"), context: SMALL_CONTEXT })
                .await
                .id();
            scenario
                .create_decision(&agent, DecisionRequest { idempotency_key: Some("once"), context: SMALL_CONTEXT })
                .await;
            scenario.wait_until_sent(&id, ApprovalPurpose::AskApprover.purpose()).await;
        })
    },
};

pub(crate) const LARGE_DECISION: Journey = Journey {
    name: "large decision",
    backup: false,
    calls_min: CallCount { total: 27, writes: 17 },
    local_calls_min: CallCount { total: 18, writes: 8 },
    run: |scenario| {
        Box::pin(async {
            scenario.enable_fault();
            let agent = scenario.agent_client();
            let context = incompressible_text(12_000);
            let id = scenario
                .create_decision(&agent, DecisionRequest { idempotency_key: Some("large"), context: &context })
                .await
                .id();
            scenario
                .create_decision(&agent, DecisionRequest { idempotency_key: Some("large"), context: &context })
                .await;
            scenario.answer_by_page(&id, ApprovalPurpose::AskApprover.purpose(), "approve").await;
            scenario.wait_until_sent(&id, CallbackPurpose::Resolved.purpose()).await;
        })
    },
};

pub(crate) const ANSWER_BY_PAGE: Journey = Journey {
    name: "answer by page",
    backup: false,
    calls_min: CallCount { total: 13, writes: 8 },
    local_calls_min: CallCount { total: 11, writes: 4 },
    run: |scenario| {
        Box::pin(async {
            let agent = scenario.agent_client();
            let id = scenario
                .create_decision(&agent, DecisionRequest { idempotency_key: Some("page"), context: SMALL_CONTEXT })
                .await
                .id();
            scenario.wait_until_sent(&id, ApprovalPurpose::AskApprover.purpose()).await;
            scenario.enable_fault();
            scenario.answer_by_page(&id, ApprovalPurpose::AskApprover.purpose(), "approve").await;
            scenario.wait_until_sent(&id, CallbackPurpose::Resolved.purpose()).await;
            // A later answer is refused with the name of the first approver.
            let refused = scenario.answer_by_api(&id, "deny", "too late", 409).await;
            assert_eq!(
                (&refused.json["code"], &refused.json["resolved_by"]),
                (&"ALREADY_RESOLVED".into(), &"ann@example.com".into())
            );
        })
    },
};

pub(crate) const CONSUMPTION: Journey = Journey {
    name: "consumption",
    backup: false,
    calls_min: CallCount { total: 1, writes: 1 },
    local_calls_min: CallCount { total: 1, writes: 0 },
    run: |scenario| {
        Box::pin(async {
            let (agent, other) = (scenario.agent_client(), scenario.server.admin.clone());
            let id = scenario
                .create_decision(&agent, DecisionRequest { idempotency_key: Some("consumed"), context: SMALL_CONTEXT })
                .await
                .id();
            scenario.answer_by_page(&id, ApprovalPurpose::AskApprover.purpose(), "approve").await;
            scenario.wait_until_sent(&id, CallbackPurpose::Resolved.purpose()).await;
            scenario.enable_fault();
            scenario.consume(&agent, &id, "run-1", 200).await;
            scenario.consume(&other, &id, "run-2", 409).await;
            scenario.finish_execution(&id, "run-1", "succeeded").await;
            // A program that comes back gets the same results.
            scenario.consume(&agent, &id, "run-1", 200).await;
            scenario.server.run_due_work().await;
        })
    },
};

pub(crate) const CHECKPOINT_ANSWER: Journey = Journey {
    name: "checkpoint answer",
    backup: false,
    calls_min: CallCount { total: 44, writes: 24 },
    local_calls_min: CallCount { total: 20, writes: 10 },
    run: |scenario| {
        Box::pin(async {
            scenario.enable_fault();
            let id = scenario.create_handoff("asks first").await;
            scenario.wait_until_sent(&id, ApprovalPurpose::AskApprover.purpose()).await;
            scenario.answer_checkpoint(&id, "gladly").await;
            // A repeat of the answer is accepted, and another answer is refused.
            scenario.answer_checkpoint(&id, "gladly").await;
            let body = serde_json::json!({"response": "no", "responded_by": "tom"}).to_string();
            let headers = [("content-type", "application/json")];
            let (client, path) = (scenario.server.admin.of_packets(), format!("/api/v1/packets/{id}/respond"));
            scenario.retry_until(&client, Method::POST, &path, &headers, body, 409).await;
        })
    },
};

pub(crate) const ANSWER_BY_API: Journey = Journey {
    name: "answer by API",
    backup: false,
    calls_min: CallCount { total: 11, writes: 7 },
    local_calls_min: CallCount { total: 8, writes: 3 },
    run: |scenario| {
        Box::pin(async {
            let agent = scenario.agent_client();
            let id = scenario
                .create_decision(&agent, DecisionRequest { idempotency_key: Some("api"), context: SMALL_CONTEXT })
                .await
                .id();
            scenario.server.run_due_work().await;
            scenario.enable_fault();
            scenario.answer_by_api(&id, "deny", "the answer", 200).await;
            // A client whose response was lost repeats the request.
            scenario.answer_by_api(&id, "deny", "the answer", 200).await;
            scenario.wait_until_sent(&id, CallbackPurpose::Resolved.purpose()).await;
        })
    },
};

pub(crate) const EXPIRY: Journey = Journey {
    name: "expiry",
    backup: false,
    calls_min: CallCount { total: 28, writes: 10 },
    local_calls_min: CallCount { total: 14, writes: 5 },
    run: |scenario| {
        Box::pin(async {
            let agent = scenario.agent_client();
            let decision = scenario
                .create_decision(&agent, DecisionRequest { idempotency_key: Some("nobody"), context: SMALL_CONTEXT })
                .await;
            scenario.server.run_due_work().await;
            scenario.enable_fault();
            scenario.advance_past_deadline(&decision.json["expires_at"]).await;
            let response = scenario
                .retry_until(&agent, Method::GET, &format!("/decisions/{}", decision.id()), &[], String::new(), 200)
                .await;
            assert_eq!(response.json["status"], "expired", "the read applies the due timer");
            scenario.answer_by_api(&decision.id(), "approve", "too late", 410).await;
            scenario.wait_until_sent(&decision.id(), CallbackPurpose::Expired.purpose()).await;
        })
    },
};

pub(crate) const ESCALATION: Journey = Journey {
    name: "escalation",
    backup: true,
    calls_min: CallCount { total: 31, writes: 12 },
    local_calls_min: CallCount { total: 26, writes: 11 },
    run: |scenario| {
        Box::pin(async {
            let agent = scenario.agent_client();
            let decision = scenario
                .create_decision(&agent, DecisionRequest { idempotency_key: Some("backup"), context: SMALL_CONTEXT })
                .await;
            scenario.server.run_due_work().await;
            scenario.enable_fault();
            scenario.advance_past_deadline(&decision.json["expires_at"]).await;
            scenario.answer_by_page(&decision.id(), ApprovalPurpose::AskBackup.purpose(), "approve").await;
            scenario.wait_until_sent(&decision.id(), CallbackPurpose::Escalated.purpose()).await;
            scenario.wait_until_sent(&decision.id(), CallbackPurpose::Resolved.purpose()).await;
        })
    },
};

pub(crate) const CALLBACK_RETRY: Journey = Journey {
    name: "callback retry",
    backup: false,
    calls_min: CallCount { total: 11, writes: 7 },
    local_calls_min: CallCount { total: 13, writes: 5 },
    run: |scenario| {
        Box::pin(async {
            let agent = scenario.agent_client();
            scenario.server.receiver.answer_with(&[500]);
            let id = scenario
                .create_decision(&agent, DecisionRequest { idempotency_key: Some("called"), context: SMALL_CONTEXT })
                .await
                .id();
            scenario.server.run_due_work().await;
            scenario.enable_fault();
            scenario.answer_by_api(&id, "approve", "the answer", 200).await;
            scenario.wait_until_sent(&id, CallbackPurpose::Resolved.purpose()).await;
            scenario.received_calls.extend(scenario.server.receiver.take());
            assert!(scenario.received_calls.len() >= 2, "the failed call is retried");
        })
    },
};

pub(crate) const ATTACHMENTS: Journey = Journey {
    name: "attachments",
    backup: false,
    calls_min: CallCount { total: 11, writes: 6 },
    local_calls_min: CallCount { total: 11, writes: 5 },
    run: |scenario| {
        Box::pin(async {
            let agent = scenario.agent_client();
            let id = scenario
                .create_decision(
                    &agent,
                    DecisionRequest { idempotency_key: Some("with files"), context: SMALL_CONTEXT },
                )
                .await
                .id();
            scenario.server.run_due_work().await;
            scenario.enable_fault();
            scenario.attach_files(&id, "first").await;
            // A repeat with the same idempotency key adds nothing.
            scenario.attach_files(&id, "first").await;
            scenario.attach_files(&id, "second").await;
            scenario.server.run_due_work().await;
        })
    },
};

pub(crate) const HANDOFF: Journey = Journey {
    name: "handoff",
    backup: false,
    calls_min: CallCount { total: 32, writes: 20 },
    local_calls_min: CallCount { total: 4, writes: 2 },
    run: |scenario| {
        Box::pin(async {
            scenario.enable_fault();
            let agent = scenario.agent_client().of_packets();
            let packet = scenario.post_idempotent(&agent, "/api/v1/packets", "made", &packet_body(), 201).await;
            let path = format!("/api/v1/packets/{}", packet.id());
            let claim = json!({"agent_id": "b-1", "agent_name": "Billing"});
            scenario.post_idempotent(&agent, &format!("{path}/claim"), "claimed", &claim, 200).await;
            // A repeat finds the packet completed and returns 200 too.
            let done = json!({"status": "completed"}).to_string();
            let headers = [("content-type", "application/json")];
            scenario.retry_until(&agent, Method::PATCH, &path, &headers, done, 200).await;
            scenario.server.run_due_work().await;
        })
    },
};

fn packet_body() -> Value {
    json!({
        "metadata": {"source_agent": {"id": "a-1", "name": "Sales"}, "target_agent": {"id": "b-1", "name": "Billing"}},
        "context": {"summary": SMALL_CONTEXT},
    })
}

pub(crate) const KEY_REVOCATION: Journey = Journey {
    name: "key revocation",
    backup: false,
    calls_min: CallCount { total: 12, writes: 5 },
    local_calls_min: CallCount { total: 2, writes: 1 },
    run: |scenario| {
        Box::pin(async {
            scenario.enable_fault();
            let (admin, path) = (scenario.server.admin.clone(), format!("/auth/api-keys/{}", scenario.agent_id));
            scenario.retry_until(&admin, Method::DELETE, &path, &[], String::new(), 200).await;
            scenario.retry_until(&scenario.agent_client(), Method::GET, "/auth/me", &[], String::new(), 401).await;
            scenario.retry_until(&admin, Method::DELETE, &path, &[], String::new(), 200).await;
        })
    },
};

pub(crate) const LOGIN: Journey = Journey {
    name: "login",
    backup: false,
    calls_min: CallCount { total: 31, writes: 16 },
    local_calls_min: CallCount { total: 12, writes: 7 },
    run: |scenario| {
        Box::pin(async {
            scenario.enable_fault();
            // If the response is lost after the link was used, the person requests another mail.
            for _ in 0..MAX_LINKS {
                let link = scenario.request_login_link().await;
                let Some(token) = scenario.open_login_link(&link).await else { continue };
                let person = scenario.server.admin.with_key(&token);
                scenario.retry_until(&person, Method::GET, "/auth/me", &[], String::new(), 200).await;
                assert_eq!(scenario.open_login_link(&link).await, None, "a link signs in once");
                return;
            }
            panic!("no login link worked");
        })
    },
};

/// One fault uses up at most one link, and a crash another.
const MAX_LINKS: usize = 3;

/// Returns random hexadecimal digits, which compression only halves.
pub(crate) fn incompressible_text(chars: usize) -> String {
    let mut state: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from_digit(u32::try_from(state >> 60).unwrap_or(0), 16).unwrap_or('0')
    };
    (0..chars).map(|_| next()).collect()
}
