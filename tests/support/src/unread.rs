//! Mails and calls that a test has not read. Dropping them fails the test.

use std::collections::HashSet;
use std::thread;

use handrail_engine::Engine;
use handrail_runner::LocalMail;

use crate::receiver::{Inbox, Received};

/// Table of the local mailbox.
const LOCAL_TABLE: &str = "handrail-local";
/// Pages of that table; a test fills a fraction of one.
const PAGES_MAX: usize = 20;

/// What a test has read of its server's mails and calls. Outlives the server if it is killed and started again.
pub struct UnreadMessages {
    engine: Engine,
    inbox: Inbox,
    /// Ids of the mails that the test has read.
    read_mails: HashSet<String>,
    /// Calls that were taken from the receiver and not read yet.
    pub(crate) calls: Vec<Received>,
    is_ignored: bool,
}

impl UnreadMessages {
    pub(crate) fn new(engine: &Engine, inbox: Inbox) -> Self {
        let (engine, read_mails) = (engine.clone(), HashSet::new());
        Self { engine, inbox, read_mails, calls: Vec::new(), is_ignored: false }
    }

    pub(crate) fn mark_read(&mut self, mail: &LocalMail) {
        self.read_mails.insert(mail.id.clone());
    }

    pub(crate) fn is_unread(&self, mail: &LocalMail) -> bool {
        !self.read_mails.contains(&mail.id)
    }

    /// Moves the new calls of the receiver to [`UnreadMessages::calls`].
    pub(crate) fn take_calls(&mut self) {
        self.calls.extend(self.inbox.take());
    }

    pub(crate) fn ignore(&mut self) {
        self.is_ignored = true;
    }

    pub(crate) fn is_ignored(&self) -> bool {
        self.is_ignored
    }

    /// Returns a line for each mail and call that the test has not read.
    fn list(&mut self) -> Vec<String> {
        self.take_calls();
        let mails = stored_mails(&self.engine);
        let mails = mails.iter().filter(|mail| self.is_unread(mail));
        let mails = mails.map(|mail| format!("mail to {}: {}", mail.to, mail.subject));
        let calls = self.calls.iter().map(|call| format!("call of {}: {}", call.path, call.name()));
        mails.chain(calls).collect()
    }
}

impl Drop for UnreadMessages {
    fn drop(&mut self) {
        // A second panic would end the process, and the first one says more.
        if self.is_ignored || thread::panicking() {
            return;
        }
        let unread = self.list();
        assert!(
            unread.is_empty(),
            "the test has not read {} messages; expect them, or call `ignore_messages` with the reason:\n{}",
            unread.len(),
            unread.join("\n")
        );
    }
}

/// Reads the mailbox from a thread of its own, because a destructor cannot wait on the test's runtime.
fn stored_mails(engine: &Engine) -> Vec<LocalMail> {
    let db = engine.client();
    let reader = thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts");
        runtime.block_on(async {
            let (mut mails, mut start) = (Vec::new(), None);
            for _ in 0..PAGES_MAX {
                let scan = db.scan().table_name(LOCAL_TABLE).set_exclusive_start_key(start);
                let page = scan.send().await.expect("the mailbox can be read");
                let text =
                    |item: &handrail_store::Item, name: &str| item.get(name).and_then(|text| text.as_s().ok()).cloned();
                let of_mails = page.items().iter().filter(|item| text(item, "pk").as_deref() == Some("mail"));
                let parse = |text: String| serde_json::from_str(&text).expect("a mail is JSON");
                mails.extend(of_mails.filter_map(|item| text(item, "value")).map(parse));
                start = page.last_evaluated_key;
                if start.is_none() {
                    return mails;
                }
            }
            panic!("the local table is larger than a test fills it");
        })
    });
    reader.join().expect("the mailbox can be read")
}
