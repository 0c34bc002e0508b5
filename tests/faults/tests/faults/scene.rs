//! A world in which something will break, with the people and programs around it: they repeat what was not answered, as
//! real clients do, and remember what they were told.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use handrail_domain::effect::Purpose;
use handrail_domain::time::Timestamp;
use handrail_testkit::{Answer, Client, Counted, Plan, Received, World};
use http::Method;
use serde_json::{Value, json};

use crate::evidence::Evidence;

/// One planned fault makes one attempt fail, so this is plenty.
const TRIES_MAX: usize = 4;
/// Time for whatever was put back after a failure, and for the published retries of a callback (0, 5 and 30 s).
pub(crate) const REST: Duration = Duration::from_secs(60);
const LOOKS_MAX: u32 = 12;

pub(crate) struct Scene {
    pub world: World,
    /// Every call that came, also those that were answered with a failure.
    pub calls: Vec<Received>,
    pub told: Told,
    /// What will break, from where the journey says that it begins.
    plan: Option<(Counted, Plan)>,
    agent: String,
    pub agent_id: String,
}

/// What clients were told by a 2xx. It has to stay true.
#[derive(Default)]
pub(crate) struct Told {
    pub created: BTreeSet<String>,
    /// Which id an Idempotency-Key led to.
    named: BTreeMap<String, String>,
    /// Ids and the status that was acknowledged.
    pub answered: BTreeMap<String, &'static str>,
    /// Packets, and the words that were acknowledged as their answer.
    pub replied: BTreeMap<String, String>,
    /// Ids and the names of the files that were acknowledged, in their order.
    pub attached: BTreeMap<String, Vec<String>>,
}

/// Who asks for what.
pub(crate) struct Question<'a> {
    /// The Idempotency-Key, if the agent sends one.
    pub name: Option<&'a str>,
    pub context: &'a str,
}

impl Scene {
    /// With an agent whose key is known to the process already, and names a backup if wanted.
    pub(crate) async fn new(backup: bool, plan: Option<(Counted, Plan)>) -> Self {
        let world = World::new().await;
        let mut key = json!({"name": "agent of the test", "role": "agent"});
        if backup {
            key["backup_approver"] = "bob@example.com".into();
        }
        let made = world.admin.post("/auth/api-keys", &key).await.expect(201);
        let agent = made.json["key"].as_str().expect("the key is shown once").to_owned();
        world.admin.with_key(&agent).get("/auth/me").await.expect(200);
        world.settle().await;
        Self { world, calls: Vec::new(), told: Told::default(), plan, agent, agent_id: made.id() }
    }

    /// From here on something may break. What comes before is broken in the journeys that begin there.
    pub(crate) fn begins(&mut self) {
        if let Some((counted, plan)) = self.plan.take() {
            self.world.meter.plan_for(counted, plan);
        }
    }

    /// The same after the process died and was started again.
    pub(crate) async fn restarted(self) -> Self {
        let world = World::with(self.world.kill().await).await;
        Self { world, ..self }
    }

    pub(crate) fn agent(&self) -> Client {
        self.world.admin.with_key(&self.agent)
    }

    pub(crate) async fn ask(&mut self, client: &Client, question: Question<'_>) -> Answer {
        let mut body = self.world.ask();
        body["context"] = question.context.into();
        let mut headers = vec![("content-type", "application/json")];
        headers.extend(question.name.map(|name| ("idempotency-key", name)));
        let answer = self.insist(client, Method::POST, "/decisions", &headers, body.to_string(), 201).await;
        let id = answer.id();
        self.told.created.insert(id.clone());
        if let Some(name) = question.name {
            let before = self.told.named.entry(name.to_owned()).or_insert_with(|| id.clone());
            assert_eq!(*before, id, "one Idempotency-Key led to two decisions");
        }
        answer
    }

    /// By API.
    pub(crate) async fn resolve(&mut self, id: &str, action: &str, name: &str, status: u16) -> Answer {
        let body = json!({"action": action, "notes": "by program"});
        let headers = [("content-type", "application/json"), ("idempotency-key", name)];
        let path = format!("/decisions/{id}/resolve");
        let answer = self.insist(&self.world.admin, Method::POST, &path, &headers, body.to_string(), status).await;
        if status == 200 {
            assert_eq!(answer.json["id"], id);
            self.told.answered.insert(id.to_owned(), settled_by(action));
        }
        answer
    }

    /// A command that is known by its name when it comes again.
    pub(crate) async fn post(&self, client: &Client, path: &str, name: &str, body: &Value, status: u16) -> Answer {
        let headers = [("content-type", "application/json"), ("idempotency-key", name)];
        self.insist(client, Method::POST, path, &headers, body.to_string(), status).await
    }

    /// Two files in one request.
    pub(crate) async fn attach(&mut self, id: &str, name: &str) {
        let part = |file: &str| {
            format!("--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{file}\"\r\n\r\nof {file}\r\n")
        };
        let names = ["one.txt", "two.txt"].map(|file| format!("{name} {file}"));
        let body = format!("{}{}--x--\r\n", part(&names[0]), part(&names[1]));
        let headers = [("content-type", "multipart/form-data; boundary=x"), ("idempotency-key", name)];
        let path = format!("/decisions/{id}/attachments");
        let answer = self.insist(&self.agent(), Method::POST, &path, &headers, body, 201).await;
        let listed = answer.json["attachments"].as_array().expect("a list").iter();
        let listed: Vec<String> = listed.map(|file| file["name"].as_str().unwrap_or_default().to_owned()).collect();
        assert!(names.iter().all(|name| listed.contains(name)), "{listed:?}");
        self.told.attached.insert(id.to_owned(), listed);
    }

    /// From the page behind a mailed link.
    pub(crate) async fn tap(&mut self, id: &str, purpose: Purpose, choice: &str) {
        let link = self.link(id, purpose).await;
        let person = self.world.admin.without_key();
        let page = self.insist(&person, Method::GET, &link, &[], String::new(), 200).await;
        assert!(page.text.contains("Refund order 1234"), "the page shows what is asked");
        let form = [("content-type", "application/x-www-form-urlencoded")];
        self.insist(&person, Method::POST, &link, &form, format!("choice={choice}&notes=by+hand"), 303).await;
        self.told.answered.insert(id.to_owned(), settled_by(choice));
    }

    /// Hands over a packet that asks somebody first.
    pub(crate) async fn hand_over(&mut self, name: &str) -> String {
        let packet = json!({
            "metadata": {"source_agent": {"id": "a", "name": "A"}, "target_agent": {"id": "b", "name": "B"}},
            "context": {"summary": "Half done"},
            "hitl": {"reason": "Refund order 1234?", "approver": "ann@example.com", "timeout_seconds": 36_000},
        });
        let headers = [("content-type", "application/json"), ("idempotency-key", name)];
        let agent = self.agent().of_packets();
        self.insist(&agent, Method::POST, "/api/v1/packets", &headers, packet.to_string(), 201).await.id()
    }

    /// In words, from the page behind a mailed link.
    pub(crate) async fn reply(&mut self, id: &str, words: &str) {
        let link = self.link(id, Purpose::AskApprover).await;
        let person = self.world.admin.without_key();
        let page = self.insist(&person, Method::GET, &link, &[], String::new(), 200).await;
        assert!(page.text.contains("Refund order 1234?"), "the page shows what is asked");
        let form = [("content-type", "application/x-www-form-urlencoded")];
        self.insist(&person, Method::POST, &link, &form, format!("choice=approve&text-0={words}"), 303).await;
        self.told.replied.insert(id.to_owned(), words.to_owned());
    }

    async fn link(&mut self, id: &str, purpose: Purpose) -> String {
        self.wait_until_sent(id, purpose).await;
        let evidence = Evidence::of(&self.world).await;
        let ending = format!("_{}", purpose.name());
        let start = format!("msg_{}_", id.replace('-', ""));
        let is_it =
            |mail: &&Value| mail["id"].as_str().is_some_and(|id| id.starts_with(&start) && id.ends_with(&ending));
        let mail = evidence.mails.iter().find(is_it).expect("what was sent lies in the mailbox");
        let link = mail["links"][0].as_str().expect("the mail has a link");
        // The address changes with a restart, the path does not.
        link[link.find("/d/").expect("the link leads to a page")..].to_owned()
    }

    /// Asks for a mail to sign in with, and waits for one that was not there before. Gives the path of its link.
    pub(crate) async fn login_link(&mut self) -> String {
        let mails = |evidence: Evidence| -> BTreeMap<String, String> {
            let sign_in = evidence.mails.into_iter().filter(|mail| mail["subject"] == "Sign in to Handrail");
            let named = sign_in.map(|mail| (text_of(&mail["id"]), text_of(&mail["links"][0])));
            named.collect()
        };
        let before = mails(Evidence::of(&self.world).await);
        let body = json!({"email": handrail_runner::LOCAL_EMAIL}).to_string();
        let headers = [("content-type", "application/json")];
        let visitor = self.world.admin.without_key();
        self.insist(&visitor, Method::POST, "/auth/login", &headers, body, 202).await;
        for _ in 0..LOOKS_MAX {
            self.world.settle().await;
            let now = mails(Evidence::of(&self.world).await);
            if let Some((_, link)) = now.into_iter().find(|(id, _)| !before.contains_key(id)) {
                return link[link.find("/auth/").expect("the link signs in")..].to_owned();
            }
            self.world.advance(REST / LOOKS_MAX).await;
        }
        panic!("no mail to sign in with came");
    }

    /// The session's token. `None`: the link was used already.
    pub(crate) async fn enter(&self, link: &str) -> Option<String> {
        let visitor = self.world.admin.without_key();
        for _ in 0..TRIES_MAX {
            match visitor.try_send(Method::POST, link, &[("accept", "application/json")], Vec::new()).await {
                Ok(answer) if answer.status == 200 => return Some(text_of(&answer.json["session_token"])),
                Ok(answer) if answer.status == 410 => {
                    assert_eq!(answer.json["code"], "LINK_USED");
                    return None;
                }
                Ok(answer) => assert_eq!(answer.status, 503, "{}", answer.text),
                // The connection broke: nobody knows.
                Err(_) => {}
            }
        }
        panic!("{link} was never answered");
    }

    /// Until it left and is known to have left, however often that takes.
    pub(crate) async fn wait_until_sent(&mut self, id: &str, purpose: Purpose) {
        for _ in 0..LOOKS_MAX {
            self.world.settle().await;
            if Evidence::of(&self.world).await.sent(id, purpose) {
                return;
            }
            self.world.advance(REST / LOOKS_MAX).await;
        }
        panic!("{} was never sent", purpose.name());
    }

    pub(crate) async fn advance_past(&self, moment: &Value) {
        let moment = moment.as_str().and_then(Timestamp::parse).expect("a time").plus_ms(1);
        let ms = u64::try_from(moment.ms_since(self.world.now())).unwrap_or(0);
        self.world.advance(Duration::from_millis(ms)).await;
    }

    /// Everything that is due, and everything that was put back.
    pub(crate) async fn come_to_rest(&mut self) {
        self.world.settle().await;
        self.world.advance(REST).await;
        self.world.settle().await;
        self.calls.extend(self.world.receiver.take());
    }

    /// Repeats a request until it is answered so. Only an answer that asks for a repeat is repeated.
    pub(crate) async fn insist(
        &self,
        client: &Client,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: String,
        status: u16,
    ) -> Answer {
        for _ in 0..TRIES_MAX {
            match client.try_send(method.clone(), path, headers, body.clone().into_bytes()).await {
                Ok(answer) if answer.status == status => return answer,
                Ok(answer) if answer.status == 503 => {
                    assert_eq!(answer.header("retry-after"), "1", "a client is told when to come back");
                }
                Ok(answer) => {
                    panic!("{method} {path} was answered {} and not {status}: {}", answer.status, answer.text)
                }
                // The connection broke: nobody knows.
                Err(_) => {}
            }
        }
        panic!("{method} {path} was never answered {status}");
    }
}

fn text_of(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

fn settled_by(action: &str) -> &'static str {
    match action {
        "approve" => "approved",
        "deny" => "denied",
        other => panic!("no journey taps {other}"),
    }
}
