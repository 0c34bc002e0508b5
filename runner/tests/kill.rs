//! The real program, killed with SIGKILL while it works and started again on the same data folder.
#![expect(clippy::expect_used, clippy::panic, reason = "a failed precondition fails the test, also in helpers")]

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
/// Concurrent agents that create and answer decisions.
const AGENTS: usize = 8;
/// Most decisions per agent; the kill comes earlier.
const MAX_DECISIONS: usize = 200;
/// Longer than the last retry of a callback and every wait after a failure.
const IDLE_SECONDS: u32 = 120;

/// `handrail` process, killed on drop.
struct Handrail {
    child: Child,
    origin: String,
    /// Admin key that the program printed.
    printed_key: String,
    /// Kept open, because a write to a closed output would end the program.
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

    /// Kills the process with SIGKILL.
    fn kill(mut self) {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it ends");
    }
}

impl Drop for Handrail {
    fn drop(&mut self) {
        // The process may have ended already.
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

/// Results acknowledged with 2xx by any of the processes.
#[derive(Default)]
struct Acknowledged {
    created: BTreeSet<String>,
    answered: BTreeMap<String, String>,
}

#[derive(Clone, Copy, Debug)]
enum Event {
    Created,
    Answered,
    Called,
}

/// State of clients and receiver, which outlive every kill.
#[derive(Clone)]
struct Environment {
    acknowledged: Arc<Mutex<Acknowledged>>,
    /// Callback bodies by delivery id.
    calls: Arc<Mutex<BTreeMap<String, Bytes>>>,
    events: mpsc::UnboundedSender<Event>,
}

impl Environment {
    fn report(&self, event: Event) {
        // After the last kill nothing receives the events.
        let _ = self.events.send(event);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn receive(State(environment): State<Environment>, headers: http::HeaderMap, body: Bytes) {
    let id = headers["webhook-id"].to_str().expect("an id is plain text").to_owned();
    let first = lock(&environment.calls).entry(id).or_insert_with(|| body.clone()).clone();
    assert_eq!(first, body, "a repeat has the body of the first");
    environment.report(Event::Called);
}

/// Creates and answers decisions. Returns `false` if the program has ended.
async fn agent(http: reqwest::Client, origin: String, callback_url: String, environment: Environment) -> bool {
    for _ in 0..MAX_DECISIONS {
        let body = json!({"action": "Refund order 1234", "approver": "ann@example.com", "callback_url": callback_url});
        let Some(created) = post(&http, &format!("{origin}/decisions"), &body, 201).await else { return false };
        let id = created["id"].as_str().expect("an id").to_owned();
        lock(&environment.acknowledged).created.insert(id.clone());
        environment.report(Event::Created);
        let answer = json!({"action": "approve", "notes": id});
        let Some(decision) = post(&http, &format!("{origin}/decisions/{id}/resolve"), &answer, 200).await else {
            return false;
        };
        lock(&environment.acknowledged).answered.insert(id, decision["resolved_at"].to_string());
        environment.report(Event::Answered);
    }
    true
}

/// Posts JSON. Returns `None` if the program has ended.
async fn post(http: &reqwest::Client, url: &str, body: &Value, status: u16) -> Option<Value> {
    let answer = http.post(url).bearer_auth(KEY).json(body).send().await.ok()?;
    let answered = answer.status().as_u16();
    let json: Value = answer.json().await.ok()?;
    assert_eq!(answered, status, "{json}");
    Some(json)
}

#[tokio::test]
async fn acknowledged_results_survive_kill() {
    let folder = tempfile::tempdir().expect("a folder");
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let (events, mut received_events) = mpsc::unbounded_channel();
    let environment = Environment { acknowledged: Arc::default(), calls: Arc::default(), events };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let callback_url = format!("http://{}/hook", listener.local_addr().expect("an address"));
    let receiver = tokio::spawn(
        axum::serve(listener, Router::new().fallback(receive).with_state(environment.clone())).into_future(),
    );

    // Each process continues on the data of the previous one.
    type Moment = fn(Event) -> bool;
    let moments: [(Moment, usize); 6] = [
        (|event| matches!(event, Event::Created), 1),
        (|event| matches!(event, Event::Answered), 1),
        (|event| matches!(event, Event::Called), 1),
        (|event| matches!(event, Event::Created), 40),
        (|event| matches!(event, Event::Answered), 25),
        (|event| matches!(event, Event::Called), 30),
    ];
    for (matches_event, count) in moments {
        let handrail = Handrail::start(folder.path(), Some(KEY));
        let mut agents = JoinSet::new();
        for _ in 0..AGENTS {
            agents.spawn(agent(http.clone(), handrail.origin.clone(), callback_url.clone(), environment.clone()));
        }
        let mut seen = 0;
        while seen < count {
            tokio::select! {
                event = received_events.recv() => seen += usize::from(matches_event(event.expect("the receiver lives"))),
                // An agent may finish early; the callbacks go on without it.
                Some(ended) = agents.join_next() => assert!(ended.expect("an agent goes on"), "the program ended by itself"),
            }
        }
        handrail.kill();
        agents.join_all().await;
        // Events of the killed process do not count for the next one.
        while received_events.try_recv().is_ok() {}
    }

    let handrail = Handrail::start(folder.path(), Some(KEY));
    let clock = format!("{}/local/clock", handrail.origin);
    post(&http, &clock, &json!({"advance_seconds": IDLE_SECONDS}), 200).await.expect("the clock moves");
    let acknowledged = std::mem::take(&mut *lock(&environment.acknowledged));
    assert!(acknowledged.created.len() >= 40 && acknowledged.answered.len() >= 25, "too few results to test");
    for id in &acknowledged.created {
        let url = format!("{}/decisions/{id}", handrail.origin);
        let seen = http.get(url).bearer_auth(KEY).send().await.expect("it answers");
        assert_eq!(seen.status().as_u16(), 200, "{id} was acknowledged and does not exist");
        let seen: Value = seen.json().await.expect("JSON");
        if let Some(resolved_at) = acknowledged.answered.get(id) {
            assert_eq!((&seen["status"], &seen["resolved_at"].to_string()), (&"approved".into(), resolved_at), "{id}");
        }
        // A recorded answer needs its callback even if its response was lost.
        let calls = lock(&environment.calls);
        let callbacks = calls.values().filter(|body| String::from_utf8_lossy(body).contains(id.as_str())).count();
        assert_eq!(callbacks, usize::from(seen["status"] == "approved"), "{id} is {}", seen["status"]);
    }
    handrail.kill();
    receiver.abort();
}

#[test]
fn second_process_on_data_folder_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = Handrail::start(folder.path(), None);
    let second = command(folder.path(), None).output().expect("the program starts");
    assert!(!second.status.success());
    let message = String::from_utf8_lossy(&second.stderr);
    assert!(message.contains("another Handrail works on") && message.contains("HANDRAIL_DATA"), "{message}");
    first.kill();
    // The lock is released with its process.
    Handrail::start(folder.path(), None).kill();
}

#[tokio::test]
async fn printed_key_survives_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = Handrail::start(folder.path(), None);
    let key = first.printed_key.clone();
    assert!(is_accepted(&first.origin, &key).await);
    first.kill();
    let second = Handrail::start(folder.path(), None);
    assert_eq!(second.printed_key, key);
    assert!(is_accepted(&second.origin, &key).await);
}

#[tokio::test]
async fn given_key_replaces_printed_key_while_set() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = Handrail::start(folder.path(), None);
    let printed = first.printed_key.clone();
    first.kill();

    let given = Handrail::start(folder.path(), Some(KEY));
    assert_ne!(given.printed_key, KEY, "a given key is not printed");
    assert!(is_accepted(&given.origin, KEY).await);
    assert!(!is_accepted(&given.origin, &printed).await);
    given.kill();

    let again = Handrail::start(folder.path(), None);
    assert_eq!(again.printed_key, printed);
    assert!(is_accepted(&again.origin, &printed).await);
    assert!(!is_accepted(&again.origin, KEY).await);
}

async fn is_accepted(origin: &str, key: &str) -> bool {
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let answer = http.get(format!("{origin}/auth/me")).bearer_auth(key).send().await.expect("it answers");
    answer.status().as_u16() == 200
}
