//! Records that have bodies and facets, on the embedded engine: packets, as they are the kind that has both.

#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod bodies;
mod desk;
mod feed;
mod feed_search;
mod listing;
mod paging;
mod searching;
mod upgrade;
