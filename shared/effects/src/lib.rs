//! Workers that carry out the effects of committed transitions, from the table's stream to callbacks, mail and Slack.
//!
//! ```text
//! table ──stream──▶ dispatch ──▶ deliveries ──▶ deliver       (callbacks, webhook deliveries)
//!                      ├───────▶ notices    ──▶ notify        (mail, Slack messages)
//!                      ├───────▶ files      ──▶ retain_files  (files that an event names)
//!                      └───────▶ timers     ──▶ timer         (fires due timers)
//!                  sweep ────────▶ timers                     (overdue records that no timer fired on)
//! ```
//!
//! Each worker handles one message and may receive that message twice. On AWS the workers are functions on queues; on a
//! laptop the runner calls them from one loop.

mod deliver;
mod dispatch;
mod fan_out;
mod handle_message;
mod message;
mod notify;
mod ports;
mod retain_files;
pub mod signing;
mod slack;
mod sweep;
mod timer;
mod webhook_call;
mod worker_context;
mod workers;

pub use deliver::deliver;
pub use dispatch::{Change, dispatch};
pub use handle_message::handle_message;
pub use message::{DeliveryGroup, Message, Queue};
pub use notify::notify;
pub use ports::{MailFault, Mailer, Outbox, OutgoingMail};
pub use retain_files::retain_files;
pub use sweep::sweep;
pub use timer::{requeue, timer};
pub use worker_context::{EventSource, Handled, Worker, WorkerContext};
pub use workers::{KEEP, WORKER_TIMEOUT_SECONDS, WORKERS};
