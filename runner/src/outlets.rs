//! The local forms of the queues and of the mail.

use std::sync::Arc;

use handrail_domain::time::Timestamp;
use handrail_effects::{MailFault, Mailer, Message, Outbox, Posted};
use handrail_kernel::clock::Clock;
use handrail_kernel::door::Awaited;

use crate::desk::{Desk, Waiting};

/// Messages wait in the local table.
pub(crate) struct LocalOutbox(pub Desk);

impl Outbox for LocalOutbox {
    fn send<'a>(&'a self, message: &'a Message, at: Timestamp) -> Awaited<'a, ()> {
        Box::pin(async move { self.0.keep(&Waiting { at, message: message.clone(), failures: 0, kept: 0 }).await })
    }
}

/// Mail goes to the mailbox page.
pub(crate) struct Mailbox {
    pub desk: Desk,
    pub clock: Arc<dyn Clock>,
}

impl Mailer for Mailbox {
    fn send<'a>(
        &'a self,
        mail: &'a Posted,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<(), MailFault>> + Send + 'a>> {
        Box::pin(async move {
            let kept = self.desk.keep_mail(mail, self.clock.now()).await;
            kept.map_err(|fault| MailFault::Later(Box::new(fault)))
        })
    }
}
