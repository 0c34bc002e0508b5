//! A stand-in of Slack: its Web API as far as Handrail uses it, and its people, who tap and type.
//!
//! It is strict where Slack is strict, and keeps what was wrong with a call: [`SlackStandIn::expect_no_wrongs`] fails on it.

mod checks;
mod people;
mod web_api;

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use std::time::Duration;

use handrail_domain::outbound::Reach;
use handrail_kernel::slack::{Secret, SlackSettings};
use handrail_slack_api::Slack;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

pub use people::Tap;

pub(crate) const CLIENT_ID: &str = "1234.5678";
pub(crate) const CLIENT_SECRET: &str = "the client secret of the stand-in";
pub(crate) const SIGNING_SECRET: &str = "the signing secret of the stand-in";
pub(crate) const TEAM: &str = "T0STANDIN";
pub(crate) const SCOPES: &str = "chat:write,users:read,users:read.email,im:write";

/// A message of the bot as it is now.
#[derive(Clone, Debug)]
pub struct SlackMessage {
    pub channel: String,
    pub ts: String,
    /// The user whose direct message it is.
    pub user: String,
    pub text: String,
    pub blocks: Value,
    pub edits: usize,
}

/// What Slack answers instead of doing what it is asked.
#[derive(Clone, Copy, Debug)]
pub enum Trouble {
    Error(&'static str),
    /// 429, and when to come again.
    Limited(u32),
    Status(u16),
    /// Does what it is asked, and says nothing.
    DoneButSilent,
    /// Does what it is asked, and answers when [`SlackStandIn::release`] is called.
    Held,
    /// Never answers.
    Hangs,
}

#[derive(Default)]
pub(crate) struct Book {
    pub(crate) users: HashMap<String, String>,
    pub(crate) codes: HashSet<String>,
    pub(crate) tokens: HashSet<String>,
    pub(crate) scopes: Option<&'static str>,
    pub(crate) messages: Vec<SlackMessage>,
    /// Each with the trigger that opened it.
    pub(crate) views: Vec<Value>,
    pub(crate) triggers: HashSet<String>,
    pub(crate) troubles: HashMap<String, VecDeque<Trouble>>,
    pub(crate) calls: Vec<String>,
    pub(crate) wrongs: Vec<String>,
    pub(crate) counted: usize,
}

/// A call that waits at the stand-in, and the word that lets it go.
#[derive(Default)]
pub(crate) struct Held {
    pub(crate) arrived: Notify,
    pub(crate) released: Notify,
}

pub struct SlackStandIn {
    pub(crate) site: String,
    pub(crate) book: Arc<Mutex<Book>>,
    held: Arc<Held>,
    task: JoinHandle<()>,
}

impl SlackStandIn {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let site = format!("http://{}", listener.local_addr().expect("an address"));
        let book = Arc::new(Mutex::new(Book::default()));
        let held = Arc::new(Held::default());
        let app = web_api::router(Arc::clone(&book), Arc::clone(&held));
        let task = tokio::spawn(async move {
            // Ends with the test.
            let _ = axum::serve(listener, app).await;
        });
        Self { site, book, held, task }
    }

    /// How Handrail knows this Slack.
    pub fn settings(&self) -> SlackSettings {
        SlackSettings {
            client_id: Some(CLIENT_ID.to_owned()),
            client_secret: Some(Secret::new(CLIENT_SECRET)),
            signing_secret: Some(Secret::new(SIGNING_SECRET)),
            api: Some(format!("{}/api", self.site)),
        }
    }

    pub fn site(&self) -> &str {
        &self.site
    }

    /// A client that waits no longer than this.
    pub fn client(&self, patience: Duration) -> Slack {
        Slack::new(&format!("{}/api", self.site), Reach::LoopbackToo, patience)
    }

    /// Somebody with this address works here. Their Slack id.
    pub fn has_user(&self, email: &str) -> String {
        let mut book = self.lock();
        let id = format!("U{:08}", book.users.len() + 1);
        book.users.insert(email.to_owned(), id.clone());
        id
    }

    /// Left: the address finds nobody.
    pub fn lost_user(&self, email: &str) {
        self.lock().users.remove(email);
    }

    /// The token of a bot that was let in before.
    pub fn trusts(&self) -> String {
        let token = "xoxb-0-secret".to_owned();
        self.lock().tokens.insert(token.clone());
        token
    }

    /// An admin of the workspace agreed. What their browser brings back.
    pub fn grants(&self) -> String {
        let mut book = self.lock();
        book.counted += 1;
        let code = format!("code.{}", book.counted);
        book.codes.insert(code.clone());
        code
    }

    /// The next installs come with these scopes only.
    pub fn grants_only(&self, scopes: &'static str) {
        self.lock().scopes = Some(scopes);
    }

    /// An admin of the workspace threw the app out.
    pub fn throws_out(&self) {
        self.lock().tokens.clear();
    }

    /// What happens to the next calls of a method, one each.
    pub fn next(&self, method: &str, troubles: &[Trouble]) {
        self.lock().troubles.entry(method.to_owned()).or_default().extend(troubles);
    }

    /// A held call has come, and was done.
    pub async fn arrival(&self) {
        self.held.arrived.notified().await;
    }

    pub fn release(&self) {
        self.held.released.notify_one();
    }

    /// The methods that were called since the last time, in their order.
    pub fn calls(&self) -> Vec<String> {
        std::mem::take(&mut self.lock().calls)
    }

    /// Everything that lies in somebody's direct messages, oldest first.
    pub fn messages_to(&self, user: &str) -> Vec<SlackMessage> {
        self.lock().messages.iter().filter(|message| message.user == user).cloned().collect()
    }

    /// The one message to this user.
    #[track_caller]
    pub fn message_to(&self, user: &str) -> SlackMessage {
        let messages = self.messages_to(user);
        assert_eq!(messages.len(), 1, "{messages:#?}");
        messages.into_iter().next().expect("counted")
    }

    /// The dialogs that were opened since the last time.
    pub fn views(&self) -> Vec<Value> {
        std::mem::take(&mut self.lock().views)
    }

    /// No call was shaped in a way that Slack does not take.
    #[track_caller]
    pub fn expect_no_wrongs(&self) {
        let wrongs = &self.lock().wrongs;
        assert!(wrongs.is_empty(), "Slack was asked wrongly: {wrongs:#?}");
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for SlackStandIn {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl SlackMessage {
    /// Everything that a reader sees.
    pub fn words(&self) -> String {
        fn gather(value: &Value, into: &mut String) {
            match value {
                Value::Object(fields) => fields.iter().for_each(|(name, value)| match value {
                    Value::String(text) if name == "text" => {
                        into.push_str(text);
                        into.push('\n');
                    }
                    other => gather(other, into),
                }),
                Value::Array(items) => items.iter().for_each(|item| gather(item, into)),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
            }
        }
        let mut words = String::new();
        gather(&self.blocks, &mut words);
        words
    }

    /// The buttons that can be tapped, by their action.
    pub fn buttons(&self) -> Vec<String> {
        self.elements().filter_map(|element| element["action_id"].as_str().map(str::to_owned)).collect()
    }

    pub(crate) fn elements(&self) -> impl Iterator<Item = &Value> {
        let blocks = self.blocks.as_array().into_iter().flatten();
        blocks.filter_map(|block| block["elements"].as_array()).flatten().filter(|element| element["type"] == "button")
    }
}
