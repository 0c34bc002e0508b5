//! Local implementations of the message queue and of mail.

use std::sync::Arc;

use handrail_domain::time::Timestamp;
use handrail_effects::{MailFault, Mailer, Message, Outbox, OutgoingMail};
use handrail_platform::boxed::BoxFuture;
use handrail_platform::clock::Clock;

use crate::local_store::{LocalStore, QueuedMessage};

/// Outbox that queues messages in the local table.
pub(crate) struct LocalOutbox(pub LocalStore);

impl Outbox for LocalOutbox {
    fn send<'a>(&'a self, message: &'a Message, at: Timestamp) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let message = message.clone();
            self.0.enqueue(&QueuedMessage { at, message, failures: 0, enqueue_count: 0, stored_key: None }).await
        })
    }
}

/// Mailer that stores mail for the mailbox page.
pub(crate) struct LocalMailer {
    pub local_store: LocalStore,
    pub clock: Arc<dyn Clock>,
}

impl Mailer for LocalMailer {
    fn send<'a>(
        &'a self,
        mail: &'a OutgoingMail,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<(), MailFault>> + Send + 'a>> {
        Box::pin(async move {
            let stored = self.local_store.put_mail(mail, self.clock.now()).await;
            stored.map_err(|fault| MailFault::Unavailable(Box::new(fault)))
        })
    }
}
