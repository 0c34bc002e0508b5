//! The decisions door: agents ask a person for approval and get exactly one answer. Each operation has a file named
//! after its URL.

pub mod account;
pub mod attachments;
pub mod auth;
pub mod callback_replay;
pub mod cancel;
pub mod consume;
pub mod create;
pub mod deliveries;
mod door;
pub mod execution;
mod file_links;
pub mod files;
pub mod get;
pub mod health;
pub mod jwks;
mod kind;
mod link_pages;
pub mod list;
mod outcome_page;
pub mod page_answer;
mod page_form;
pub mod page_show;
pub mod receipt;
mod receipt_issuer;
pub mod resolve;
#[cfg(test)]
mod testing;
pub mod uploads;
mod view;

pub use door::DOOR;
pub use kind::KIND;

use handrail_web::operations;

operations! {
    /// Operations of the decisions door that this crate's own Lambda binary serves.
    ENDPOINTS, DESCRIPTIONS, problem: handrail_approvals::errors::ErrorBody,
    create,
    list,
    get,
    resolve,
    cancel,
    deliveries,
    receipt,
    consume,
    execution,
    jwks,
    attachments::list,
    callback_replay,
    auth::me,
    auth::keys_list,
    auth::keys_create,
    auth::keys_get,
    auth::keys_change,
    auth::keys_revoke,
    auth::rules_dry_run,
    account::login_request,
    account::login_show,
    account::login_use,
    account::logout,
    account::show,
    account::key_create,
    account::key_revoke,
    health,
}

operations! {
    /// Operations that receive or send files. The Lambda binary `functions/files` serves them.
    FILE_ENDPOINTS, FILE_DESCRIPTIONS, problem: handrail_approvals::errors::ErrorBody,
    attachments::add,
    attachments::create_upload,
    attachments::complete,
    files,
    page_answer,
}
