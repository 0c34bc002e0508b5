//! A server of the test's own for callbacks: keeps what it got and answers what it is told.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::LOCATION;
use http::{HeaderMap, StatusCode, Uri};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// One call.
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
}

#[derive(Default)]
struct Book {
    received: VecDeque<Received>,
    answers: VecDeque<u16>,
}

pub struct Receiver {
    pub url: String,
    book: Arc<Mutex<Book>>,
    task: JoinHandle<()>,
}

impl Receiver {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
        let book = Arc::new(Mutex::new(Book::default()));
        let app = Router::new().fallback(take).with_state(Arc::clone(&book));
        let task = tokio::spawn(async move {
            // Ends with the test.
            let _ = axum::serve(listener, app).await;
        });
        Self { url, book, task }
    }

    /// The statuses of the next answers; 200 after them. Each redirect leads to `/elsewhere` on this receiver.
    pub fn answer_with(&self, statuses: &[u16]) {
        self.lock().answers.extend(statuses);
    }

    /// What came since the last time, oldest first.
    pub fn take(&self) -> Vec<Received> {
        self.lock().received.drain(..).collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn take(State(book): State<Arc<Mutex<Book>>>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let mut book = book.lock().unwrap_or_else(PoisonError::into_inner);
    book.received.push_back(Received { path: uri.path().to_owned(), headers, body });
    let status =
        book.answers.pop_front().and_then(|status| StatusCode::from_u16(status).ok()).unwrap_or(StatusCode::OK);
    if status.is_redirection() { (status, [(LOCATION, "/elsewhere")]).into_response() } else { status.into_response() }
}
