//! What Handrail does once, for every door: keep records, move them by [`transition`](transition::transition), know who
//! calls, limit, answer errors in a door's own words, and serve an operation.
//!
//! Who calls this: the operations in `functions/`, the workers through `shared/effects`, and the runner. It talks to
//! DynamoDB and nothing else; mail, webhooks and timers follow from the table's stream, in `shared/effects`.

pub mod access;
pub mod aside;
pub mod aws;
pub mod blobs;
pub mod clock;
pub mod cx;
pub mod door;
pub mod doorbell;
pub mod endpoint;
pub mod extract;
pub mod fault;
pub mod feed;
pub mod file_link;
pub mod hook;
pub mod link;
pub mod master;
pub mod minting;
pub mod multipart;
pub mod pages;
pub mod problem;
pub mod quota;
pub mod seal;
pub mod session;
pub mod settings;
pub mod slack;
pub mod store;
pub mod terms;
pub mod ticket;
pub mod transition;
