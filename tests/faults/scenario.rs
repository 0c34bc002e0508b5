//! Test server with a planned fault, and its clients: they retry requests as real clients do, and record acknowledged
//! results.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use handrail_domain::approval_purpose::ApprovalPurpose;
use handrail_domain::effect::Purpose;
use handrail_domain::time::Timestamp;
use handrail_testkit::{CallFilter, Client, FaultPlan, Received, TestResponse, TestServer};
use http::Method;
use serde_json::{Value, json};

use crate::snapshot::Snapshot;

/// One planned fault makes one attempt fail; the others are spare.
const MAX_ATTEMPTS: usize = 4;
/// Covers the redelivery of failed messages and the published retries of a callback (0, 5 and 30 s).
pub(crate) const IDLE_ADVANCE: Duration = Duration::from_secs(60);
const MAX_POLLS: u32 = 12;

pub(crate) struct Scenario {
    pub server: TestServer,
    /// Calls that the receiver got, including those that it failed.
    pub received_calls: Vec<Received>,
    pub acknowledged: Acknowledged,
    /// Planned fault, until [`Scenario::enable_fault`] activates it.
    plan: Option<(CallFilter, FaultPlan)>,
    agent: String,
    pub agent_id: String,
}

/// Results that a 2xx response acknowledged. They must still hold at the end.
#[derive(Default)]
pub(crate) struct Acknowledged {
    pub created: BTreeSet<String>,
    /// Decision ids by idempotency key.
    by_idempotency_key: BTreeMap<String, String>,
    /// Acknowledged statuses by decision id.
    pub answers: BTreeMap<String, &'static str>,
    /// Acknowledged executions and their ends by decision id.
    pub executions: BTreeMap<String, (&'static str, Option<&'static str>)>,
    /// Acknowledged checkpoint answers by packet id.
    pub checkpoint_answers: BTreeMap<String, String>,
    /// Names of acknowledged files, in order, by decision id.
    pub attachments: BTreeMap<String, Vec<String>>,
}

/// Request to create a decision.
pub(crate) struct DecisionRequest<'a> {
    /// `Idempotency-Key` header, if the agent sends one.
    pub idempotency_key: Option<&'a str>,
    pub context: &'a str,
}

impl Scenario {
    /// Starts a server with an agent whose API key is cached already and has a backup approver if `backup`.
    pub(crate) async fn new(backup: bool, plan: Option<(CallFilter, FaultPlan)>) -> Self {
        let mut server = TestServer::new().await;
        server.ignore_messages("the invariants compare every mail and every call with the records");
        let mut key = json!({"name": "agent of the test", "role": "writer", "approvers": ["*"]});
        if backup {
            key["backup_approver"] = "bob@example.com".into();
        }
        let created = server.admin.post("/auth/api-keys", &key).await.expect(201);
        let agent = created.json["key"].as_str().expect("the key is shown once").to_owned();
        server.admin.with_key(&agent).get("/auth/me").await.expect(200);
        server.run_due_work().await;
        Self {
            server,
            received_calls: Vec::new(),
            acknowledged: Acknowledged::default(),
            plan,
            agent,
            agent_id: created.id(),
        }
    }

    /// Activates the planned fault. Earlier calls are covered by other journeys.
    pub(crate) fn enable_fault(&mut self) {
        if let Some((filter, plan)) = self.plan.take() {
            self.server.fault_injector.plan_for(filter, plan);
        }
    }

    /// Kills the server and starts another one on the same data.
    pub(crate) async fn restart(self) -> Self {
        let server = TestServer::with(self.server.kill().await).await;
        Self { server, ..self }
    }

    pub(crate) fn agent_client(&self) -> Client {
        self.server.admin.with_key(&self.agent)
    }

    pub(crate) async fn create_decision(&mut self, client: &Client, request: DecisionRequest<'_>) -> TestResponse {
        let mut body = self.server.decision_body();
        body["context"] = request.context.into();
        let mut headers = vec![("content-type", "application/json")];
        headers.extend(request.idempotency_key.map(|name| ("idempotency-key", name)));
        let response = self.retry_until(client, Method::POST, "/decisions", &headers, body.to_string(), 201).await;
        let id = response.id();
        self.acknowledged.created.insert(id.clone());
        if let Some(name) = request.idempotency_key {
            let existing = self.acknowledged.by_idempotency_key.entry(name.to_owned()).or_insert_with(|| id.clone());
            assert_eq!(*existing, id, "one idempotency key made two decisions");
        }
        response
    }

    /// Answers by API, and records the answer if it is acknowledged.
    pub(crate) async fn answer_by_api(&mut self, id: &str, action: &str, name: &str, status: u16) -> TestResponse {
        let body = json!({"action": action, "notes": "by program"});
        let headers = [("content-type", "application/json"), ("idempotency-key", name)];
        let path = format!("/decisions/{id}/resolve");
        let response =
            self.retry_until(&self.server.admin, Method::POST, &path, &headers, body.to_string(), status).await;
        if status == 200 {
            assert_eq!(response.json["id"], id);
            self.acknowledged.answers.insert(id.to_owned(), status_after_action(action));
        }
        response
    }

    /// Uses an approval for an execution.
    pub(crate) async fn consume(&mut self, client: &Client, id: &str, execution_id: &'static str, status: u16) {
        let path = format!("/decisions/{id}");
        let decision = self.retry_until(client, Method::GET, &path, &[], String::new(), 200).await;
        let body = json!({"execution_id": execution_id, "action_hash": decision.json["action_hash"]});
        let headers = [("content-type", "application/json")];
        let path = format!("{path}/consume");
        let response = self.retry_until(client, Method::POST, &path, &headers, body.to_string(), status).await;
        if status == 200 {
            assert_eq!(response.json["execution_id"], execution_id);
            self.acknowledged.executions.entry(id.to_owned()).or_insert((execution_id, None));
        } else {
            assert_eq!(response.json["code"], "ALREADY_CONSUMED");
        }
    }

    /// Reports the end of an execution.
    pub(crate) async fn finish_execution(&mut self, id: &str, execution_id: &'static str, outcome: &'static str) {
        let (path, body) =
            (format!("/decisions/{id}/executions/{execution_id}"), json!({"outcome": outcome, "detail": "x"}));
        let (headers, client) = ([("content-type", "application/json")], self.agent_client());
        self.retry_until(&client, Method::POST, &path, &headers, body.to_string(), 200).await;
        self.acknowledged.executions.insert(id.to_owned(), (execution_id, Some(outcome)));
    }

    /// Posts with an idempotency key until the response has this status.
    pub(crate) async fn post_idempotent(
        &self,
        client: &Client,
        path: &str,
        name: &str,
        body: &Value,
        status: u16,
    ) -> TestResponse {
        let headers = [("content-type", "application/json"), ("idempotency-key", name)];
        self.retry_until(client, Method::POST, path, &headers, body.to_string(), status).await
    }

    /// Attaches two files in one request.
    pub(crate) async fn attach_files(&mut self, id: &str, name: &str) {
        let part = |file: &str| {
            format!("--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{file}\"\r\n\r\nof {file}\r\n")
        };
        let names = ["one.txt", "two.txt"].map(|file| format!("{name} {file}"));
        let body = format!("{}{}--x--\r\n", part(&names[0]), part(&names[1]));
        let headers = [("content-type", "multipart/form-data; boundary=x"), ("idempotency-key", name)];
        let path = format!("/decisions/{id}/attachments");
        let response = self.retry_until(&self.agent_client(), Method::POST, &path, &headers, body, 201).await;
        let file_names = response.json["attachments"].as_array().expect("a list").iter();
        let file_names: Vec<String> =
            file_names.map(|file| file["name"].as_str().unwrap_or_default().to_owned()).collect();
        assert!(names.iter().all(|name| file_names.contains(name)), "{file_names:?}");
        self.acknowledged.attachments.insert(id.to_owned(), file_names);
    }

    /// Answers on the page of the mailed link.
    pub(crate) async fn answer_by_page(&mut self, id: &str, purpose: Purpose, choice: &str) {
        let link = self.mailed_link(id, purpose).await;
        let person = self.server.admin.without_key();
        let page = self.retry_until(&person, Method::GET, &link, &[], String::new(), 200).await;
        assert!(page.text.contains("Refund order 1234"), "the page shows the request");
        let form = [("content-type", "application/x-www-form-urlencoded")];
        self.retry_until(&person, Method::POST, &link, &form, format!("choice={choice}&notes=by+hand"), 303).await;
        self.acknowledged.answers.insert(id.to_owned(), status_after_action(choice));
    }

    /// Creates a packet with a checkpoint.
    pub(crate) async fn create_handoff(&mut self, name: &str) -> String {
        let packet = json!({
            "metadata": {"source_agent": {"id": "a", "name": "A"}, "target_agent": {"id": "b", "name": "B"}},
            "context": {"summary": "Half done"},
            "hitl": {"reason": "Refund order 1234?", "approver": "ann@example.com", "timeout_seconds": 36_000},
        });
        let headers = [("content-type", "application/json"), ("idempotency-key", name)];
        let agent = self.agent_client().of_packets();
        self.retry_until(&agent, Method::POST, "/api/v1/packets", &headers, packet.to_string(), 201).await.id()
    }

    /// Answers a checkpoint with text on the page of the mailed link.
    pub(crate) async fn answer_checkpoint(&mut self, id: &str, response_text: &str) {
        let link = self.mailed_link(id, ApprovalPurpose::AskApprover.purpose()).await;
        let person = self.server.admin.without_key();
        let page = self.retry_until(&person, Method::GET, &link, &[], String::new(), 200).await;
        assert!(page.text.contains("Refund order 1234?"), "the page shows the request");
        let form = [("content-type", "application/x-www-form-urlencoded")];
        self.retry_until(&person, Method::POST, &link, &form, format!("choice=approve&text-0={response_text}"), 303)
            .await;
        self.acknowledged.checkpoint_answers.insert(id.to_owned(), response_text.to_owned());
    }

    async fn mailed_link(&mut self, id: &str, purpose: Purpose) -> String {
        self.wait_until_sent(id, purpose).await;
        let snapshot = Snapshot::read(&self.server).await;
        let ending = format!("_{}", purpose.name());
        let start = format!("msg_{}_", id.replace('-', ""));
        let is_this_mail =
            |mail: &&Value| mail["id"].as_str().is_some_and(|id| id.starts_with(&start) && id.ends_with(&ending));
        let mail = snapshot.mails.iter().find(is_this_mail).expect("the delivered mail is in the mailbox");
        let link = mail["links"][0].as_str().expect("the mail has a link");
        // The address changes with a restart, the path does not.
        link[link.find("/d/").expect("the link leads to a page")..].to_owned()
    }

    /// Requests a login mail and waits for a new one. Returns the path of its link.
    pub(crate) async fn request_login_link(&mut self) -> String {
        let mails = |snapshot: Snapshot| -> BTreeMap<String, String> {
            let sign_in = snapshot.mails.into_iter().filter(|mail| mail["subject"] == "Sign in to Handrail");
            let links_by_id = sign_in.map(|mail| (to_text(&mail["id"]), to_text(&mail["links"][0])));
            links_by_id.collect()
        };
        let existing = mails(Snapshot::read(&self.server).await);
        let body = json!({"email": handrail_runner::LOCAL_EMAIL}).to_string();
        let headers = [("content-type", "application/json")];
        let visitor = self.server.admin.without_key();
        self.retry_until(&visitor, Method::POST, "/auth/login", &headers, body, 202).await;
        for _ in 0..MAX_POLLS {
            self.server.run_due_work().await;
            let now = mails(Snapshot::read(&self.server).await);
            if let Some((_, link)) = now.into_iter().find(|(id, _)| !existing.contains_key(id)) {
                return link[link.find("/auth/").expect("the link signs in")..].to_owned();
            }
            self.server.advance(IDLE_ADVANCE / MAX_POLLS).await;
        }
        panic!("no login mail came");
    }

    /// Uses a login link and returns the session token. Returns `None` if the link was used already.
    pub(crate) async fn open_login_link(&self, link: &str) -> Option<String> {
        let visitor = self.server.admin.without_key();
        for _ in 0..MAX_ATTEMPTS {
            match visitor.try_send(Method::POST, link, &[("accept", "application/json")], Vec::new()).await {
                Ok(response) if response.status == 200 => return Some(to_text(&response.json["session_token"])),
                Ok(response) if response.status == 410 => {
                    assert_eq!(response.json["code"], "LINK_USED");
                    return None;
                }
                Ok(response) => assert_eq!(response.status, 503, "{}", response.text),
                // The connection broke, so the result is unknown.
                Err(_) => {}
            }
        }
        panic!("{link} was never answered");
    }

    /// Advances the clock until the delivery is recorded as delivered.
    pub(crate) async fn wait_until_sent(&mut self, id: &str, purpose: Purpose) {
        for _ in 0..MAX_POLLS {
            self.server.run_due_work().await;
            if Snapshot::read(&self.server).await.was_sent(id, purpose) {
                return;
            }
            self.server.advance(IDLE_ADVANCE / MAX_POLLS).await;
        }
        panic!("{} was never sent", purpose.name());
    }

    pub(crate) async fn advance_past_deadline(&self, deadline: &Value) {
        let deadline = deadline.as_str().and_then(Timestamp::parse).expect("a time").plus_ms(1);
        let ms = u64::try_from(deadline.ms_since(self.server.now())).unwrap_or(0);
        self.server.advance(Duration::from_millis(ms)).await;
    }

    /// Runs all due work and the retries of failed work.
    pub(crate) async fn run_until_idle(&mut self) {
        self.server.run_due_work().await;
        self.server.advance(IDLE_ADVANCE).await;
        self.server.run_due_work().await;
        self.received_calls.extend(self.server.receiver.take());
    }

    /// Sends a request until the response has this status. Retries on broken connections and on 503 only.
    pub(crate) async fn retry_until(
        &self,
        client: &Client,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: String,
        status: u16,
    ) -> TestResponse {
        for _ in 0..MAX_ATTEMPTS {
            match client.try_send(method.clone(), path, headers, body.clone().into_bytes()).await {
                Ok(response) if response.status == status => return response,
                Ok(response) if response.status == 503 => {
                    assert_eq!(response.header("retry-after"), "1", "a 503 has Retry-After");
                }
                Ok(response) => {
                    panic!("{method} {path} returned {} instead of {status}: {}", response.status, response.text)
                }
                // The connection broke, so the result is unknown.
                Err(_) => {}
            }
        }
        panic!("{method} {path} never returned {status}");
    }
}

fn to_text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

fn status_after_action(action: &str) -> &'static str {
    match action {
        "approve" => "approved",
        "deny" => "denied",
        other => panic!("no journey uses the action {other}"),
    }
}
