//! The decisions door: an agent asks a person, and gets one answer. A file per operation, found by its URL.

pub mod account;
pub mod attachments;
pub mod auth;
pub mod callback_replay;
pub mod cancel;
pub mod create;
pub mod deliveries;
mod dialect;
mod door;
mod file_links;
pub mod files;
pub mod get;
pub mod health;
pub mod list;
mod outcome;
pub mod page_answer;
mod page_form;
pub mod page_show;
pub mod resolve;
#[cfg(test)]
mod testing;
pub mod uploads;
mod view;
mod visit;

use handrail_asking::pages;

pub use dialect::{DIALECT, refused};
pub use door::DecisionsDoor;
pub use visit::Visit;

use handrail_kernel::endpoint::Endpoint;

/// Every operation of this door.
pub const ENDPOINTS: &[Endpoint] = &[
    create::ENDPOINT,
    list::ENDPOINT,
    get::ENDPOINT,
    resolve::ENDPOINT,
    cancel::ENDPOINT,
    deliveries::ENDPOINT,
    attachments::add::ENDPOINT,
    attachments::list::ENDPOINT,
    attachments::invite::ENDPOINT,
    attachments::complete::ENDPOINT,
    files::ENDPOINT,
    callback_replay::ENDPOINT,
    page_show::ENDPOINT,
    page_answer::ENDPOINT,
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
