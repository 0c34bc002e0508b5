//! The outside world as the program sees it: a clock, entropy, a place for files, news of changes, and faults.
//!
//! Everything above takes these as arguments, so that a test can move the clock and break the database.

pub mod blob_store;
pub mod boxed;
pub mod clock;
pub mod fault;
pub mod notifier;
