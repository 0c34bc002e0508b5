//! Outcomes of a conditional write: done, condition failed, or call failed.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::error::ConditionalCheckFailedException;

use crate::attributes::Item;
use handrail_platform::fault::Fault;

/// Error of a write that may have a condition.
pub(super) trait WriteError {
    fn condition_failed(&self) -> Option<&ConditionalCheckFailedException>;
}

impl WriteError for PutItemError {
    fn condition_failed(&self) -> Option<&ConditionalCheckFailedException> {
        match self {
            Self::ConditionalCheckFailedException(failed) => Some(failed),
            _ => None,
        }
    }
}

impl WriteError for UpdateItemError {
    fn condition_failed(&self) -> Option<&ConditionalCheckFailedException> {
        match self {
            Self::ConditionalCheckFailedException(failed) => Some(failed),
            _ => None,
        }
    }
}

impl WriteError for DeleteItemError {
    fn condition_failed(&self) -> Option<&ConditionalCheckFailedException> {
        match self {
            Self::ConditionalCheckFailedException(failed) => Some(failed),
            _ => None,
        }
    }
}

/// Returns `None` if the condition failed and nothing was written.
pub(super) fn unless_condition_failed<T, E, R>(
    result: Result<T, SdkError<E, R>>,
    operation: &str,
) -> Result<Option<T>, Fault>
where
    E: WriteError + ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    Ok(or_existing_item(result, operation)?.ok())
}

/// Returns `Err` if the condition failed and nothing was written, with the existing item if the write requested it.
pub(super) fn or_existing_item<T, E, R>(
    result: Result<T, SdkError<E, R>>,
    operation: &str,
) -> Result<Result<T, Option<Item>>, Fault>
where
    E: WriteError + ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    let error = match result {
        Ok(done) => return Ok(Ok(done)),
        Err(error) => error,
    };
    match error.as_service_error().and_then(E::condition_failed) {
        Some(failed) => Ok(Err(failed.item().cloned())),
        None => Err(Fault::from_sdk(operation, error)),
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::error::ErrorMetadata;

    use super::*;
    use crate::attributes::s;

    type PutError = SdkError<PutItemError, ()>;
    type PutResult = Result<&'static str, PutError>;

    fn condition_failed_error(found: Option<Item>) -> PutError {
        let failed = ConditionalCheckFailedException::builder().set_item(found).build();
        SdkError::service_error(PutItemError::ConditionalCheckFailedException(failed), ())
    }

    fn service_error(code: &str) -> PutError {
        SdkError::service_error(PutItemError::generic(ErrorMetadata::builder().code(code).build()), ())
    }

    #[test]
    fn failed_condition_is_not_a_fault() {
        assert_eq!(unless_condition_failed(PutResult::Ok("done"), "put").unwrap(), Some("done"));
        assert_eq!(unless_condition_failed(PutResult::Err(condition_failed_error(None)), "put").unwrap(), None);
    }

    #[test]
    fn failed_condition_returns_the_existing_item() {
        let existing = Item::from([("pk".to_owned(), s("there"))]);
        assert_eq!(or_existing_item(PutResult::Ok("done"), "put").unwrap(), Ok("done"));
        assert_eq!(
            or_existing_item(PutResult::Err(condition_failed_error(Some(existing.clone()))), "put").unwrap(),
            Err(Some(existing))
        );
        assert_eq!(or_existing_item(PutResult::Err(condition_failed_error(None)), "put").unwrap(), Err(None));
    }

    #[test]
    fn other_write_errors_become_faults() {
        assert!(matches!(
            unless_condition_failed(PutResult::Err(service_error("ThrottlingException")), "put"),
            Err(Fault::Busy(_))
        ));
        assert!(matches!(
            unless_condition_failed(PutResult::Err(service_error("InternalServerError")), "put"),
            Err(Fault::OutcomeUnknown(_))
        ));
        assert!(matches!(
            unless_condition_failed(PutResult::Err(service_error("AccessDeniedException")), "put"),
            Err(Fault::Internal(..))
        ));
        assert!(matches!(
            unless_condition_failed(PutResult::Err(SdkError::timeout_error("late")), "put"),
            Err(Fault::OutcomeUnknown(_))
        ));
    }
}
