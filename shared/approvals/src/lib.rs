//! Approval requests as mail, as web pages and as Slack messages, before and after the answer.
//!
//! Called by the doors, for their workers and for the operations at `/d/{token}` and in Slack. All approval requests
//! have the form of a decision; a packet's checkpoint is converted to a decision first
//! (docs/decisions/0018-a-checkpoint-is-seen-as-a-decision.md). This crate renders, and
//! [`LinkAccess`] asks the record's kind what a link opens; it sends nothing.

mod approval_request;
pub mod errors;
mod link_access;
pub mod mail;
pub mod pages;
mod request_mail;
pub mod slack;

pub use approval_request::{
    FormattedTime, approval_purpose, current_deadline, minutes_until, slack_message, slack_recipient,
};
pub use handrail_records::approval_request::ApprovalRequest;
pub use link_access::LinkAccess;
pub use request_mail::request_mail;
