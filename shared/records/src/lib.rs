//! The one write path. [`transition`](transition::transition) changes a record, and the journal and the kinds follow.

pub mod approval_request;
pub mod journal;
pub mod kind;
pub mod log;
pub mod transition;
pub mod webhook;
