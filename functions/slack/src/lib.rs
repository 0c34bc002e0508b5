//! Slack operations of the decisions door: installation in a workspace, button clicks and dialogs.
//!
//! These operations are apart from `functions/decisions` because two of them call Slack, which no other operation can:
//! see docs/decisions/0010-operations-that-call-slack.md.

mod answers;
mod button_clicks;
mod client;
mod dialogs;
mod door;
pub mod install;
pub mod install_redirect;
pub mod interactions;
pub mod oauth_callback;
mod oauth_state;
mod pages;
mod scopes;
mod signature;

pub use oauth_state::OAuthState;

use handrail_web::operations;

operations! {
    /// Slack operations that this crate's own Lambda binary serves: all except `interactions`, which `functions/kinds` serves.
    ENDPOINTS, DESCRIPTIONS, problem: handrail_approvals::errors::ErrorBody,
    install,
    install_redirect,
    oauth_callback,
}
