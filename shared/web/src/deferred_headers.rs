//! Response headers that an extractor requests before the response exists. They are written to success responses and
//! errors alike.

use std::sync::{Arc, Mutex, PoisonError};

use http::HeaderMap;

type HeaderWriter = Box<dyn FnOnce(&mut HeaderMap) + Send>;

/// Request extension that holds the writer of the headers. The last one set wins.
#[derive(Clone, Default)]
pub struct DeferredHeaders(Arc<Mutex<Option<HeaderWriter>>>);

impl DeferredHeaders {
    /// Sets the writer. It runs when the response exists, so it sees the rate limits after the request.
    pub fn set(&self, writer: impl FnOnce(&mut HeaderMap) + Send + 'static) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(writer));
    }

    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        let writer = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = writer {
            writer(headers);
        }
    }
}
