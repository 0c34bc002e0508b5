//! What an answer says besides, whatever becomes of the request: an extractor knows who calls, and the answer is made by
//! somebody else, perhaps by the words for an error.

use std::sync::{Arc, Mutex, PoisonError};

use http::HeaderMap;

type Saying = Box<dyn FnOnce(&mut HeaderMap) + Send>;

/// Travels with every request. What was said last counts.
#[derive(Clone, Default)]
pub struct Aside(Arc<Mutex<Option<Saying>>>);

impl Aside {
    /// Called when the answer is there: it sees what the request has cost by then.
    pub fn say(&self, saying: impl FnOnce(&mut HeaderMap) + Send + 'static) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(saying));
    }

    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        let saying = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(saying) = saying {
            saying(headers);
        }
    }
}
