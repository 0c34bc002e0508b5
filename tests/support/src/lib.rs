//! A world for tests: a whole Handrail in this process, on an embedded engine, with a clock that stands still.
//!
//! Tests talk to it by HTTP alone, as agents and people do. The clock moves only by [`World::advance`], which answers once
//! everything due has been done; so no test ever waits. Mails and calls that a test did not expect are a failure.

#![expect(clippy::expect_used, clippy::panic, reason = "a test that can't set up its world has failed")]

mod api_only;
mod client;
mod event_stream;
mod meter;
mod receiver;
mod slack;
mod world;

pub use api_only::ApiOnly;
pub use client::{Answer, Client};
pub use event_stream::{EventStream, Told};
pub use meter::{Call, Counted, Meter, Plan};
pub use receiver::{Received, Receiver};
pub use slack::{SlackMessage, SlackStandIn, Tap, Trouble};
pub use world::{Mail, World, WorldOptions};
