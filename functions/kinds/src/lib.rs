//! All kinds of records, and the operations that serve records of every kind: the page of a link, and the buttons in
//! Slack.
//!
//! The operations themselves are in the crates of their doors. Only this crate, above the doors, knows every kind.

use handrail_records::kind::{Kind, KindList};
use handrail_web::operations;

/// All record kinds.
pub const KINDS: &[Kind] = &[handrail_decisions::KIND, handrail_decisions::account::KIND, handrail_packets::KIND];

/// All record kinds, for the context of a process that serves operations on records of every kind.
pub const KIND_LIST: KindList = KindList(KINDS);

operations! {
    /// Operations that serve records of every kind.
    ENDPOINTS, DESCRIPTIONS, problem: handrail_approvals::errors::ErrorBody,
    handrail_decisions::page_show,
    handrail_slack::interactions,
}
