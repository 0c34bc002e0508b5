//! The one write path. [`transition`](transition::transition) changes a record, and the feed and the kind handlers follow.

pub mod feed;
pub mod kind_handler;
pub mod transition;
pub mod webhook;
