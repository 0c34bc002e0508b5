//! State of the fake Slack: its app, its users and messages, and the failures that a test planned.

use std::collections::{HashMap, HashSet, VecDeque};

use serde_json::Value;
use tokio::sync::Notify;

use super::message::SlackMessage;

pub(crate) const CLIENT_ID: &str = "1234.5678";
pub(crate) const CLIENT_SECRET: &str = "the client secret of the stand-in";
pub(crate) const SIGNING_SECRET: &str = "the signing secret of the stand-in";
pub(crate) const TEAM: &str = "T0STANDIN";
pub(crate) const SCOPES: &str = "chat:write,users:read,users:read.email,im:write";

/// Behaviour of the fake Slack for one call, instead of success.
#[derive(Clone, Copy, Debug)]
pub enum FailureMode {
    /// Responds with `ok: false` and this error.
    Error(&'static str),
    /// Responds with 429 and this `Retry-After` in seconds.
    Limited(u32),
    /// Responds with this HTTP status.
    Status(u16),
    /// Executes the call and cuts the response off.
    DoneButSilent,
    /// Executes the call and responds when [`FakeSlack::release`] is called.
    Paused,
    /// Never responds.
    Hangs,
}

#[derive(Default)]
pub(crate) struct FakeSlackState {
    pub(crate) users: HashMap<String, String>,
    pub(crate) codes: HashSet<String>,
    pub(crate) tokens: HashSet<String>,
    pub(crate) scopes: Option<&'static str>,
    pub(crate) messages: Vec<SlackMessage>,
    /// Time stamps of the messages that the test has read, with the number of their edits then.
    pub(crate) read: HashSet<(String, usize)>,
    /// `true` if the test reads no messages.
    pub(crate) is_ignored: bool,
    /// Dialogs as opened by `views.open`.
    pub(crate) views: Vec<Value>,
    pub(crate) triggers: HashSet<String>,
    pub(crate) failures: HashMap<String, VecDeque<FailureMode>>,
    pub(crate) calls: Vec<String>,
    pub(crate) invalid_calls: Vec<String>,
    pub(crate) id_counter: usize,
}

/// Signals of a paused call: its arrival and its release.
#[derive(Default)]
pub(crate) struct PausedCall {
    pub(crate) arrived: Notify,
    pub(crate) released: Notify,
}
