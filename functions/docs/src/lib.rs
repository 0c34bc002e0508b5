//! The documents of the published APIs: OpenAPI documents for programs, and a page of the same for people.
//!
//! The documents are files in `openapi/`, which the consistency tests generate from the registry and the types of the
//! operations. So this crate contains them and generates nothing. See docs/decisions/0036-documents-from-types.md.

pub mod document;
mod documents;
mod door;
pub mod door_document;
pub mod page;
mod reference;

pub use documents::{ALL_DOORS, DOORS};

use handrail_web::operations;

operations! {
    /// All operations of the docs door.
    ENDPOINTS, DESCRIPTIONS, problem: handrail_approvals::errors::ErrorBody,
    document,
    door_document,
    page,
}
