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

use handrail_web::endpoint::Endpoint;

/// Operations of the decisions door that this crate's own Lambda binary serves.
pub const ENDPOINTS: &[Endpoint] = &[
    create::ENDPOINT,
    list::ENDPOINT,
    get::ENDPOINT,
    resolve::ENDPOINT,
    cancel::ENDPOINT,
    deliveries::ENDPOINT,
    receipt::ENDPOINT,
    consume::ENDPOINT,
    execution::ENDPOINT,
    jwks::ENDPOINT,
    attachments::list::ENDPOINT,
    callback_replay::ENDPOINT,
    auth::me::ENDPOINT,
    auth::keys_list::ENDPOINT,
    auth::keys_create::ENDPOINT,
    auth::keys_get::ENDPOINT,
    auth::keys_change::ENDPOINT,
    auth::keys_revoke::ENDPOINT,
    auth::rules_dry_run::ENDPOINT,
    account::login_request::ENDPOINT,
    account::login_show::ENDPOINT,
    account::login_use::ENDPOINT,
    account::logout::ENDPOINT,
    account::show::ENDPOINT,
    account::key_create::ENDPOINT,
    account::key_revoke::ENDPOINT,
    health::ENDPOINT,
];

/// Operations that receive or send files. The Lambda binary `functions/files` serves them.
pub const FILE_ENDPOINTS: &[Endpoint] = &[
    attachments::add::ENDPOINT,
    attachments::create_upload::ENDPOINT,
    attachments::complete::ENDPOINT,
    files::ENDPOINT,
    page_answer::ENDPOINT,
];
