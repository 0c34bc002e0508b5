//! The world failed. Not to be confused with a refusal, where the domain said no.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

type Source = Box<dyn std::error::Error + Send + Sync>;

#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// It was not done; trying again later may help.
    #[error("the database is busy")]
    Busy(#[source] Source),
    /// Nobody knows whether it was done: a timeout, a lost connection, an internal error on the other side.
    #[error("the outcome of a database call is unknown")]
    Unknown(#[source] Source),
    /// It was not done, and will not be however often it is tried: a mistake of ours.
    #[error("broken: {0}")]
    Broken(String, #[source] Option<Source>),
}

impl Fault {
    pub fn broken(what: impl Into<String>) -> Self {
        Self::Broken(what.into(), None)
    }

    pub fn broken_by(what: impl Into<String>, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Broken(what.into(), Some(Box::new(source)))
    }

    /// The three ways in which any AWS call can fail, apart from the condition that the caller looks for first.
    pub fn from_sdk<E, R>(what: &str, error: SdkError<E, R>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
        R: std::fmt::Debug + Send + Sync + 'static,
    {
        let code = error.code().unwrap_or_default().to_owned();
        match &error {
            SdkError::ServiceError(_) if is_throttling(&code) => Self::Busy(Box::new(error)),
            SdkError::ServiceError(_) if !is_internal(&code) => {
                let message = error.message().unwrap_or_default().to_owned();
                Self::Broken(format!("{what}: {code}: {message}"), Some(Box::new(error)))
            }
            SdkError::ConstructionFailure(_) => Self::Broken(what.to_owned(), Some(Box::new(error))),
            // A request that could not be sent may have been sent: only the table can tell.
            _ => Self::Unknown(Box::new(error)),
        }
    }

    pub fn may_pass(&self) -> bool {
        match self {
            Self::Busy(_) | Self::Unknown(_) => true,
            Self::Broken(..) => false,
        }
    }

    pub fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown(_))
    }

    /// The fault with everything that caused it, for the log.
    pub fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut source = std::error::Error::source(self);
        while let Some(cause) = source {
            text.push_str(": ");
            text.push_str(&cause.to_string());
            source = cause.source();
        }
        text
    }
}

fn is_throttling(code: &str) -> bool {
    matches!(
        code,
        "ThrottlingException"
            | "Throttling"
            | "ProvisionedThroughputExceededException"
            | "RequestLimitExceeded"
            | "TransactionInProgressException"
    )
}

fn is_internal(code: &str) -> bool {
    // No code at all: the answer was not one of the service's own.
    matches!(code, "" | "InternalServerError" | "InternalFailure" | "ServiceUnavailable")
}
