//! What follows a commit: from the table's stream to the mail in somebody's inbox.
//!
//! ```text
//! table ──stream──▶ dispatch ──▶ deliveries ──▶ deliver   (callbacks, calls of hooks)
//!                      ├───────▶ notices    ──▶ notify    (mail)
//!                      ├───────▶ files      ──▶ keep      (files that an event brought)
//!                      └───────▶ timers     ──▶ timer     (raises what is due)
//!                  sweep ────────▶ timers                 (what some timer missed)
//! ```
//!
//! Each worker takes one message and can take it twice. On AWS they are functions on queues; on a laptop the runner calls
//! the same functions from one loop.

mod announce;
pub mod aws;
mod deliver;
mod dispatch;
mod keep;
mod message;
mod notify;
mod ports;
pub mod signing;
mod slack;
mod sweep;
mod timer;
mod works;

pub use deliver::deliver;
pub use dispatch::{Change, dispatch};
pub use keep::keep;
pub use message::{Message, Queue};
pub use notify::notify;
pub use ports::{MailFault, Mailer, Outbox, Posted};
pub use sweep::sweep;
pub use timer::{release, timer};
pub use works::{Trigger, Worker, Works, handle};
