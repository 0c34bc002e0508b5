//! HTTP server that receives callbacks and webhook deliveries: stores requests and responds with chosen statuses.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::LOCATION;
use http::{HeaderMap, StatusCode, Uri};
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

/// Request that the receiver got.
#[derive(Clone, Debug)]
pub struct Received {
    pub path: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Received {
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("the body is JSON")
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Returns the event that the call is about, or the whole body if it names none.
    pub(crate) fn name(&self) -> String {
        let body = String::from_utf8_lossy(&self.body);
        let event = serde_json::from_str(&body).ok().and_then(|body: serde_json::Value| {
            let event = body["event"].as_str().or_else(|| body["event_type"].as_str());
            event.map(str::to_owned)
        });
        event.unwrap_or_else(|| body.into_owned())
    }
}

#[derive(Default)]
struct ReceiverState {
    received: VecDeque<Received>,
    statuses: VecDeque<u16>,
    /// Requests whose response is held back, by path.
    hanging: BTreeMap<String, usize>,
    /// Most requests of a path that hung at the same time.
    most_hanging: BTreeMap<String, usize>,
}

pub struct Receiver {
    pub url: String,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    state: Mutex<ReceiverState>,
    /// `false` while requests to paths with [`HANGING`] get no response.
    released: watch::Sender<bool>,
    arrived: Notify,
}

/// Requests that a receiver got, also after the receiver is gone.
#[derive(Clone)]
pub(crate) struct Inbox(Arc<Shared>);

impl Inbox {
    /// Returns the requests since the previous `take`, oldest first.
    pub(crate) fn take(&self) -> Vec<Received> {
        self.0.lock().received.drain(..).collect()
    }
}

/// Start of the paths whose requests get no response until [`Receiver::release`].
pub const HANGING: &str = "/hanging";

impl Receiver {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
        let shared =
            Arc::new(Shared { state: Mutex::default(), released: watch::Sender::new(false), arrived: Notify::new() });
        let app = Router::new().fallback(take).with_state(Arc::clone(&shared));
        let task = tokio::spawn(async move {
            // The task is aborted in `drop`.
            let _ = axum::serve(listener, app).await;
        });
        Self { url, shared, task }
    }

    /// Sets the statuses of the next responses; later ones are 200. Redirects lead to `/elsewhere` on this receiver.
    pub fn answer_with(&self, statuses: &[u16]) {
        self.lock().statuses.extend(statuses);
    }

    /// Returns the requests since the previous `take`, oldest first.
    pub fn take(&self) -> Vec<Received> {
        self.inbox().take()
    }

    pub(crate) fn inbox(&self) -> Inbox {
        Inbox(Arc::clone(&self.shared))
    }

    /// Returns the URL of another path of this receiver.
    pub fn url_of(&self, path: &str) -> String {
        self.url.replace("/hook", path)
    }

    /// Waits until the receiver has this many requests since the last `take` for which `is_counted` holds.
    pub async fn wait_for(&self, count: usize, is_counted: impl Fn(&Received) -> bool) {
        loop {
            let arrived = self.shared.arrived.notified();
            if self.lock().received.iter().filter(|request| is_counted(request)).count() >= count {
                return;
            }
            arrived.await;
        }
    }

    /// Answers the requests that hang now, and later ones at once.
    pub fn release(&self) {
        self.shared.released.send_replace(true);
    }

    /// Lets requests to paths with [`HANGING`] hang again.
    pub fn hang(&self) {
        self.shared.released.send_replace(false);
    }

    /// Returns the number of requests that hung at the same time at most, for each path.
    pub fn most_hanging(&self) -> BTreeMap<String, usize> {
        self.lock().most_hanging.clone()
    }

    fn lock(&self) -> MutexGuard<'_, ReceiverState> {
        self.shared.lock()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, ReceiverState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts a request as hanging until it is answered or its connection is closed.
struct HangingRequest {
    shared: Arc<Shared>,
    path: String,
}

impl HangingRequest {
    fn new(shared: Arc<Shared>, path: &str) -> Self {
        let mut state = shared.lock();
        let hanging = state.hanging.entry(path.to_owned()).or_default();
        *hanging += 1;
        let hanging = *hanging;
        let most = state.most_hanging.entry(path.to_owned()).or_default();
        *most = hanging.max(*most);
        drop(state);
        Self { shared, path: path.to_owned() }
    }
}

impl Drop for HangingRequest {
    fn drop(&mut self) {
        if let Some(hanging) = self.shared.lock().hanging.get_mut(&self.path) {
            *hanging -= 1;
        }
    }
}

async fn take(State(shared): State<Arc<Shared>>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let path = uri.path().to_owned();
    shared.lock().received.push_back(Received { path: path.clone(), headers, body });
    shared.arrived.notify_waiters();
    if path.starts_with(HANGING) {
        let _hanging = HangingRequest::new(Arc::clone(&shared), &path);
        // The sender lives as long as the receiver.
        let _ = shared.released.subscribe().wait_for(|released| *released).await;
    }
    let mut state = shared.lock();
    let status =
        state.statuses.pop_front().and_then(|status| StatusCode::from_u16(status).ok()).unwrap_or(StatusCode::OK);
    if status.is_redirection() { (status, [(LOCATION, "/elsewhere")]).into_response() } else { status.into_response() }
}
