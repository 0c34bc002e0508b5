//! Test server: the full service in this process, on the embedded engine, with a clock that the test moves.
//!
//! Tests use HTTP only, as agents and people do. [`TestServer::advance`] moves the clock and returns when all due work
//! is done, so no test waits. Mails, webhook deliveries and Slack messages that a test has not read fail it.

#![expect(clippy::expect_used, clippy::panic, reason = "a test fails if its server cannot be set up")]

mod api_only;
mod client;
mod documented;
mod event_stream;
mod fault_injector;
mod receiver;
mod slack;
mod test_server;
mod unread;

pub use api_only::ApiOnlyServer;
pub use client::{Client, TestResponse};
pub use event_stream::{EventStream, ServerEvent};
pub use fault_injector::{Call, CallFilter, FaultInjector, FaultPlan};
pub use handrail_runner::cors::CorsOrigins;
pub use receiver::{HANGING, Received, Receiver};
pub use slack::{FailureMode, FakeSlack, Interaction, SlackMessage};
pub use test_server::{Mail, TestServer, TestServerOptions};
pub use unread::UnreadMessages;
