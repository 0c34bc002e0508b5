//! The keys of an installation and what is derived from them: sealed texts, signed tokens, and the links that approvers
//! open.

pub mod file_link;
pub mod journal_checkpoint;
pub mod jwk_set;
pub mod jws;
pub mod keys;
pub mod link;
pub mod purpose_key;
pub mod seal;
pub mod secret;
pub mod signed_note;
pub mod signed_token;
pub mod signing_key;
