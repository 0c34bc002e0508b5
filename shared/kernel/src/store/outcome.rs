//! How a conditional write ended: it was done, its condition did not hold, or the call failed.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::error::ConditionalCheckFailedException;

use super::Item;
use crate::fault::Fault;

/// The error of a write that may have a condition.
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

/// `None`: the condition did not hold, and nothing was written.
pub(super) fn met<T, E, R>(sent: Result<T, SdkError<E, R>>, what: &str) -> Result<Option<T>, Fault>
where
    E: WriteError + ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    Ok(met_or_found(sent, what)?.ok())
}

/// `Err`: the condition did not hold, and nothing was written. With it what lies there, if the write asked to be told.
pub(super) fn met_or_found<T, E, R>(
    sent: Result<T, SdkError<E, R>>,
    what: &str,
) -> Result<Result<T, Option<Item>>, Fault>
where
    E: WriteError + ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    let error = match sent {
        Ok(done) => return Ok(Ok(done)),
        Err(error) => error,
    };
    match error.as_service_error().and_then(E::condition_failed) {
        Some(failed) => Ok(Err(failed.item().cloned())),
        None => Err(Fault::from_sdk(what, error)),
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::error::ErrorMetadata;

    use super::*;
    use crate::store::s;

    type Failed = SdkError<PutItemError, ()>;
    type Sent = Result<&'static str, Failed>;

    fn unmet(found: Option<Item>) -> Failed {
        let failed = ConditionalCheckFailedException::builder().set_item(found).build();
        SdkError::service_error(PutItemError::ConditionalCheckFailedException(failed), ())
    }

    fn refused(code: &str) -> Failed {
        SdkError::service_error(PutItemError::generic(ErrorMetadata::builder().code(code).build()), ())
    }

    #[test]
    fn a_condition_that_did_not_hold_is_no_fault() {
        assert_eq!(met(Sent::Ok("done"), "put").unwrap(), Some("done"));
        assert_eq!(met(Sent::Err(unmet(None)), "put").unwrap(), None);
    }

    #[test]
    fn what_lies_there_is_told_where_it_was_asked_for() {
        let there = Item::from([("pk".to_owned(), s("there"))]);
        assert_eq!(met_or_found(Sent::Ok("done"), "put").unwrap(), Ok("done"));
        assert_eq!(met_or_found(Sent::Err(unmet(Some(there.clone()))), "put").unwrap(), Err(Some(there)));
        assert_eq!(met_or_found(Sent::Err(unmet(None)), "put").unwrap(), Err(None));
    }

    #[test]
    fn every_other_error_stays_one() {
        assert!(matches!(met(Sent::Err(refused("ThrottlingException")), "put"), Err(Fault::Busy(_))));
        assert!(matches!(met(Sent::Err(refused("InternalServerError")), "put"), Err(Fault::Unknown(_))));
        assert!(matches!(met(Sent::Err(refused("AccessDeniedException")), "put"), Err(Fault::Broken(..))));
        assert!(matches!(met(Sent::Err(SdkError::timeout_error("late")), "put"), Err(Fault::Unknown(_))));
    }
}
