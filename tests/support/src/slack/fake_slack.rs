//! Server of the fake Slack, and its control by a test.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use handrail_context::slack::SlackSettings;
use handrail_domain::outbound::AddressPolicy;
use handrail_secrets::secret::Secret;
use handrail_slack_api::Slack;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::message::SlackMessage;
use super::state::{CLIENT_ID, CLIENT_SECRET, FailureMode, FakeSlackState, PausedCall, SIGNING_SECRET};
use super::web_api;

pub struct FakeSlack {
    pub(crate) site: String,
    pub(crate) state: Arc<Mutex<FakeSlackState>>,
    paused: Arc<PausedCall>,
    task: JoinHandle<()>,
}

impl FakeSlack {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let site = format!("http://{}", listener.local_addr().expect("an address"));
        let state = Arc::new(Mutex::new(FakeSlackState::default()));
        let paused = Arc::new(PausedCall::default());
        let app = web_api::router(Arc::clone(&state), Arc::clone(&paused));
        let task = tokio::spawn(async move {
            // The task is aborted in `drop`.
            let _ = axum::serve(listener, app).await;
        });
        Self { site, state, paused, task }
    }

    /// Settings with which Handrail uses this fake Slack.
    pub fn settings(&self) -> SlackSettings {
        SlackSettings {
            client_id: Some(CLIENT_ID.to_owned()),
            client_secret: Some(Secret::new(CLIENT_SECRET)),
            signing_secret: Some(Secret::new(SIGNING_SECRET)),
            api_url: Some(format!("{}/api", self.site)),
        }
    }

    pub fn site(&self) -> &str {
        &self.site
    }

    /// Returns an API client with this timeout.
    pub fn client(&self, timeout: Duration) -> Slack {
        Slack::new(&format!("{}/api", self.site), AddressPolicy::AllowLoopback, timeout)
    }

    /// Adds a user with this email address to the workspace and returns the user's Slack id.
    pub fn add_user(&self, email: &str) -> String {
        let mut state = self.lock();
        let id = format!("U{:08}", state.users.len() + 1);
        state.users.insert(email.to_owned(), id.clone());
        id
    }

    /// Returns the bot token of an earlier installation.
    pub fn issue_bot_token(&self) -> String {
        let token = "xoxb-0-secret".to_owned();
        self.lock().tokens.insert(token.clone());
        token
    }

    /// Returns a new OAuth code, as if a workspace admin had approved the installation.
    pub fn issue_code(&self) -> String {
        let mut state = self.lock();
        state.id_counter += 1;
        let code = format!("code.{}", state.id_counter);
        state.codes.insert(code.clone());
        code
    }

    /// Limits the next installations to these scopes.
    pub fn grant_only_scopes(&self, scopes: &'static str) {
        self.lock().scopes = Some(scopes);
    }

    /// Revokes all bot tokens, as if a workspace admin had removed the app.
    pub fn uninstall(&self) {
        self.lock().tokens.clear();
    }

    /// Plans failures for the next calls of a method, one for each call.
    pub fn plan_failures(&self, method: &str, failures: &[FailureMode]) {
        self.lock().failures.entry(method.to_owned()).or_default().extend(failures);
    }

    /// Waits until a paused call was executed.
    pub async fn wait_for_paused(&self) {
        self.paused.arrived.notified().await;
    }

    /// Lets the paused call respond.
    pub fn release(&self) {
        self.paused.released.notify_one();
    }

    /// Returns the methods called since the previous `calls`, in order.
    pub fn calls(&self) -> Vec<String> {
        std::mem::take(&mut self.lock().calls)
    }

    /// Returns the direct messages to this user, oldest first.
    pub fn messages_to(&self, user: &str) -> Vec<SlackMessage> {
        let mut state = self.lock();
        let messages: Vec<_> = state.messages.iter().filter(|message| message.user == user).cloned().collect();
        state.read.extend(messages.iter().map(|message| (message.ts.clone(), message.edits)));
        messages
    }

    /// Lets the test end with unread messages. `reason` says why the test has nothing to learn from them.
    pub fn ignore_messages(&self, reason: &str) {
        assert!(!reason.is_empty(), "a test that ignores its messages says why");
        self.lock().is_ignored = true;
    }

    /// Asserts that this user has exactly one message, and returns it.
    #[track_caller]
    pub fn message_to(&self, user: &str) -> SlackMessage {
        let messages = self.messages_to(user);
        assert_eq!(messages.len(), 1, "{messages:#?}");
        messages.into_iter().next().expect("counted")
    }

    /// Returns the dialogs opened since the previous `views`.
    pub fn views(&self) -> Vec<Value> {
        std::mem::take(&mut self.lock().views)
    }

    /// Asserts that no call had arguments that Slack rejects.
    #[track_caller]
    pub fn assert_valid_calls(&self) {
        let invalid_calls = &self.lock().invalid_calls;
        assert!(invalid_calls.is_empty(), "invalid calls of Slack: {invalid_calls:#?}");
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, FakeSlackState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for FakeSlack {
    fn drop(&mut self) {
        self.task.abort();
        let state = self.lock();
        // A second panic would end the process, and the first one says more.
        if state.is_ignored || std::thread::panicking() {
            return;
        }
        let is_unread = |message: &&SlackMessage| !state.read.contains(&(message.ts.clone(), message.edits));
        let unread = state.messages.iter().filter(is_unread);
        let unread: Vec<_> = unread
            .map(|message| {
                format!("Slack message to {}, edited {} times: {}", message.user, message.edits, message.text)
            })
            .collect();
        drop(state);
        assert!(
            unread.is_empty(),
            "the test has not read {} messages; read them, or call `ignore_messages` with the reason:\n{}",
            unread.len(),
            unread.join("\n")
        );
    }
}
