//! The two things that AWS does one way and a laptop another: keeping a message until its time, and sending a mail.

use handrail_domain::text::EmailAddress;
use handrail_domain::time::Timestamp;
use handrail_kernel::door::Awaited;

use crate::message::Message;

/// Keeps a message until its time and then hands it to its worker, at least once.
///
/// Implemented by SQS with EventBridge Scheduler, and by the runner in its own table.
pub trait Outbox: Send + Sync {
    fn send<'a>(&'a self, message: &'a Message, at: Timestamp) -> Awaited<'a, ()>;
}

/// Sends a mail. Implemented by SES, and by the runner's mailbox page.
pub trait Mailer: Send + Sync {
    fn send<'a>(
        &'a self,
        mail: &'a Posted,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<(), MailFault>> + Send + 'a>>;
}

/// A mail with the id under which a repeat is recognised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posted {
    pub id: String,
    pub to: EmailAddress,
    pub subject: String,
    pub text: String,
    pub html: String,
}

#[derive(Debug, thiserror::Error)]
pub enum MailFault {
    /// This mail will never be taken: the address is suppressed, the sender not verified.
    #[error("the mail was refused: {0}")]
    Refused(String),
    #[error("the mail could not be sent now")]
    Later(#[source] Box<dyn std::error::Error + Send + Sync>),
}
