//! Failures of the infrastructure, as opposed to refusals by the domain.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

type Source = Box<dyn std::error::Error + Send + Sync>;

#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The operation was not done; a later retry may succeed.
    #[error("the database is busy")]
    Busy(#[source] Source),
    /// The operation may have been done: a timeout, a lost connection or an internal error of the service.
    #[error("the outcome of a database call is unknown")]
    OutcomeUnknown(#[source] Source),
    /// The operation was not done and a retry cannot succeed: a bug or a wrong configuration.
    #[error("internal error: {0}")]
    Internal(String, #[source] Option<Source>),
}

impl Fault {
    pub fn internal(message: impl Into<String>) -> Self {
        Self::Internal(message.into(), None)
    }

    pub fn internal_with_source(
        message: impl Into<String>,
        source: impl std::error::Error + Send + Sync + 'static,
    ) -> Self {
        Self::Internal(message.into(), Some(Box::new(source)))
    }

    /// Classifies the error of an AWS call. The caller must handle failed conditions first.
    pub fn from_sdk<E, R>(operation: &str, error: SdkError<E, R>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
        R: std::fmt::Debug + Send + Sync + 'static,
    {
        let code = error.code().unwrap_or_default().to_owned();
        match &error {
            SdkError::ServiceError(_) if is_throttling_code(&code) => Self::Busy(Box::new(error)),
            SdkError::ServiceError(_) if !is_internal_error_code(&code) => {
                let message = error.message().unwrap_or_default().to_owned();
                Self::Internal(format!("{operation}: {code}: {message}"), Some(Box::new(error)))
            }
            SdkError::ConstructionFailure(_) => Self::Internal(operation.to_owned(), Some(Box::new(error))),
            // After a dispatch failure or a timeout the request may have been processed.
            _ => Self::OutcomeUnknown(Box::new(error)),
        }
    }

    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Busy(_) | Self::OutcomeUnknown(_) => true,
            Self::Internal(..) => false,
        }
    }

    pub fn is_outcome_unknown(&self) -> bool {
        matches!(self, Self::OutcomeUnknown(_))
    }

    /// Returns the message of the fault and of all its causes, for the log.
    pub fn with_causes(&self) -> String {
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

fn is_throttling_code(code: &str) -> bool {
    matches!(
        code,
        "ThrottlingException"
            | "Throttling"
            | "ProvisionedThroughputExceededException"
            | "RequestLimitExceeded"
            | "TransactionInProgressException"
    )
}

fn is_internal_error_code(code: &str) -> bool {
    // Without a code the response did not come from the service itself.
    matches!(code, "" | "InternalServerError" | "InternalFailure" | "ServiceUnavailable")
}
