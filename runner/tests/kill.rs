//! The program as people run it, killed with SIGKILL while it works and started again on the same folder.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "what the test can't go on without ends it, also in its helpers"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Lines, Read};
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::State;
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

const KEY: &str = "ho_a_key_for_the_kill_test";
/// Agents that ask and answer at the same time.
const AGENTS: usize = 8;
/// What one of them does before it stops by itself; the kill comes earlier.
const DECISIONS_MAX: usize = 200;
/// Longer than the last retry of a callback and every wait after a failure.
const REST_SECONDS: u32 = 120;

/// `handrail` in a process of its own. Dropping it kills it, so that no test leaves one behind.
struct Handrail {
    child: Child,
    origin: String,
    /// The key that it printed.
    printed_key: String,
    /// Open as long as it runs: writing to a closed one would end it.
    _output: Lines<BufReader<ChildStdout>>,
}

impl Handrail {
    fn start(data: &Path, key: Option<&str>) -> Self {
        let mut child = command(data, key).spawn().expect("the program starts");
        let mut output = BufReader::new(child.stdout.take().expect("its output is piped")).lines();
        let mut after = |start: &str| loop {
            let line =
                output.next().and_then(Result::ok).unwrap_or_else(|| panic!("it ended: {}", rest(child.stderr.take())));
            if let Some(rest) = line.strip_prefix(start) {
                return rest.trim().to_owned();
            }
        };
        let (origin, printed_key) = (after("Handrail runs at "), after("Admin key"));
        Self { child, origin, printed_key, _output: output }
    }

    /// SIGKILL: nothing of it gets to say goodbye.
    fn kill(mut self) {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it ends");
    }
}

impl Drop for Handrail {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(data: &Path, key: Option<&str>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_handrail"));
    command.env_remove("HANDRAIL_KEY").env("HANDRAIL_DATA", data).env("HANDRAIL_PORT", "0").env("RUST_LOG", "off");
    command.envs(key.map(|key| ("HANDRAIL_KEY", key)));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn rest(stderr: Option<ChildStderr>) -> String {
    let mut text = String::new();
    let _ = stderr.map(|mut stderr| stderr.read_to_string(&mut text));
    text
}

/// What clients were told by a 2xx, whichever process said so.
#[derive(Default)]
struct Told {
    created: BTreeSet<String>,
    answered: BTreeMap<String, String>,
}

#[derive(Clone, Copy, Debug)]
enum News {
    Created,
    Answered,
    Called,
}

/// The world around the program: it outlives every kill.
#[derive(Clone)]
struct Outside {
    told: Arc<Mutex<Told>>,
    /// The body of each callback by its id.
    calls: Arc<Mutex<BTreeMap<String, Bytes>>>,
    news: mpsc::UnboundedSender<News>,
}

impl Outside {
    fn tell(&self, news: News) {
        // Nobody listens after the kill.
        let _ = self.news.send(news);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn receive(State(outside): State<Outside>, headers: http::HeaderMap, body: Bytes) {
    let id = headers["webhook-id"].to_str().expect("an id is plain text").to_owned();
    let first = lock(&outside.calls).entry(id).or_insert_with(|| body.clone()).clone();
    assert_eq!(first, body, "a repeat has the body of the first");
    outside.tell(News::Called);
}

/// Asks and answers. `false`: the program is gone; whatever is not answered is left as it is.
async fn agent(http: reqwest::Client, origin: String, hook: String, outside: Outside) -> bool {
    for _ in 0..DECISIONS_MAX {
        let ask = json!({"action": "Refund order 1234", "approver": "ann@example.com", "callback_url": hook});
        let Some(created) = post(&http, &format!("{origin}/decisions"), &ask, 201).await else { return false };
        let id = created["id"].as_str().expect("an id").to_owned();
        lock(&outside.told).created.insert(id.clone());
        outside.tell(News::Created);
        let answer = json!({"action": "approve", "notes": id});
        let Some(decision) = post(&http, &format!("{origin}/decisions/{id}/resolve"), &answer, 200).await else {
            return false;
        };
        lock(&outside.told).answered.insert(id, decision["resolved_at"].to_string());
        outside.tell(News::Answered);
    }
    true
}

/// `None`: the program is gone.
async fn post(http: &reqwest::Client, url: &str, body: &Value, status: u16) -> Option<Value> {
    let answer = http.post(url).bearer_auth(KEY).json(body).send().await.ok()?;
    let answered = answer.status().as_u16();
    let json: Value = answer.json().await.ok()?;
    assert_eq!(answered, status, "{json}");
    Some(json)
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_kill() {
    let folder = tempfile::tempdir().expect("a folder");
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let (news, mut heard) = mpsc::unbounded_channel();
    let outside = Outside { told: Arc::default(), calls: Arc::default(), news };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let hook = format!("http://{}/hook", listener.local_addr().expect("an address"));
    let receiver =
        tokio::spawn(axum::serve(listener, Router::new().fallback(receive).with_state(outside.clone())).into_future());

    // Each time on what the last one left behind.
    type Moment = fn(News) -> bool;
    let moments: [(Moment, usize); 6] = [
        (|news| matches!(news, News::Created), 1),
        (|news| matches!(news, News::Answered), 1),
        (|news| matches!(news, News::Called), 1),
        (|news| matches!(news, News::Created), 40),
        (|news| matches!(news, News::Answered), 25),
        (|news| matches!(news, News::Called), 30),
    ];
    for (is_it, nth) in moments {
        let handrail = Handrail::start(folder.path(), Some(KEY));
        let mut agents = JoinSet::new();
        for _ in 0..AGENTS {
            agents.spawn(agent(http.clone(), handrail.origin.clone(), hook.clone(), outside.clone()));
        }
        let mut seen = 0;
        while seen < nth {
            tokio::select! {
                news = heard.recv() => seen += usize::from(is_it(news.expect("the receiver lives"))),
                // One that did all it was to do; the callbacks go on without it.
                Some(ended) = agents.join_next() => assert!(ended.expect("an agent goes on"), "the program ended by itself"),
            }
        }
        handrail.kill();
        agents.join_all().await;
        // What was heard of the killed one says nothing about the next.
        while heard.try_recv().is_ok() {}
    }

    let handrail = Handrail::start(folder.path(), Some(KEY));
    let clock = format!("{}/local/clock", handrail.origin);
    post(&http, &clock, &json!({"advance_seconds": REST_SECONDS}), 200).await.expect("the clock moves");
    let told = std::mem::take(&mut *lock(&outside.told));
    assert!(told.created.len() >= 40 && told.answered.len() >= 25, "too little was done to lose anything");
    for id in &told.created {
        let url = format!("{}/decisions/{id}", handrail.origin);
        let seen = http.get(url).bearer_auth(KEY).send().await.expect("it answers");
        assert_eq!(seen.status().as_u16(), 200, "{id} was acknowledged and is not there");
        let seen: Value = seen.json().await.expect("JSON");
        if let Some(resolved_at) = told.answered.get(id) {
            assert_eq!((&seen["status"], &seen["resolved_at"].to_string()), (&"approved".into(), resolved_at), "{id}");
        }
        // Answered by somebody who was not told so: the callback is due all the same.
        let calls = lock(&outside.calls);
        let of_this = calls.values().filter(|body| String::from_utf8_lossy(body).contains(id.as_str())).count();
        assert_eq!(of_this, usize::from(seen["status"] == "approved"), "{id} is {}", seen["status"]);
    }
    handrail.kill();
    receiver.abort();
}

#[test]
fn a_second_process_on_the_same_folder_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = Handrail::start(folder.path(), None);
    let second = command(folder.path(), None).output().expect("the program starts");
    assert!(!second.status.success());
    let message = String::from_utf8_lossy(&second.stderr);
    assert!(message.contains("another Handrail works on") && message.contains("HANDRAIL_DATA"), "{message}");
    first.kill();
    // The lock dies with its process.
    Handrail::start(folder.path(), None).kill();
}

#[tokio::test]
async fn the_printed_key_stays_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = Handrail::start(folder.path(), None);
    let key = first.printed_key.clone();
    assert!(works(&first.origin, &key).await);
    first.kill();
    let second = Handrail::start(folder.path(), None);
    assert_eq!(second.printed_key, key);
    assert!(works(&second.origin, &key).await);
}

#[tokio::test]
async fn a_given_key_replaces_the_printed_one_until_it_is_given_no_more() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = Handrail::start(folder.path(), None);
    let printed = first.printed_key.clone();
    first.kill();

    let given = Handrail::start(folder.path(), Some(KEY));
    assert_ne!(given.printed_key, KEY, "who gives a key has it: it need not be printed");
    assert!(works(&given.origin, KEY).await);
    assert!(!works(&given.origin, &printed).await);
    given.kill();

    let again = Handrail::start(folder.path(), None);
    assert_eq!(again.printed_key, printed);
    assert!(works(&again.origin, &printed).await);
    assert!(!works(&again.origin, KEY).await);
}

async fn works(origin: &str, key: &str) -> bool {
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let answer = http.get(format!("{origin}/auth/me")).bearer_auth(key).send().await.expect("it answers");
    answer.status().as_u16() == 200
}
