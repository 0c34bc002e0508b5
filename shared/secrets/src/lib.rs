//! The master key and what is derived from it: sealed texts, signed tokens, and the links that approvers open.

pub mod file_link;
pub mod journal_checkpoint;
pub mod link;
pub mod master_key;
pub mod seal;
pub mod secret;
pub mod signed_note;
pub mod signed_token;
pub mod signing_key;
