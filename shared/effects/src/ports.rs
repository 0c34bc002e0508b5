//! Interfaces with one implementation on AWS and one on a laptop: delayed messages and sending mail.

use handrail_domain::text::EmailAddress;
use handrail_domain::time::Timestamp;
use handrail_platform::boxed::BoxFuture;

use crate::message::Message;

/// Stores a message until the time `at`, then passes the message to its worker at least once.
///
/// Implemented by SQS with EventBridge Scheduler, and by the runner in its own table.
pub trait Outbox: Send + Sync {
    fn send<'a>(&'a self, message: &'a Message, at: Timestamp) -> BoxFuture<'a, ()>;
}

/// Sends a mail. Implemented by SES, and by the runner's mailbox page.
pub trait Mailer: Send + Sync {
    fn send<'a>(
        &'a self,
        mail: &'a OutgoingMail,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<(), MailFault>> + Send + 'a>>;
}

/// Mail to send. A repeated mail has the same `id`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutgoingMail {
    pub id: String,
    pub to: EmailAddress,
    pub subject: String,
    pub text: String,
    pub html: String,
}

#[derive(Debug, thiserror::Error)]
pub enum MailFault {
    /// The mail service rejects the mail for good, for example because the sender is not verified.
    #[error("the mail was refused: {0}")]
    Refused(String),
    /// The mail service failed; a retry may help.
    #[error("the mail could not be sent now")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}
