//! Tests of records with bodies and filter fields on the embedded engine: packets, the kind that has both.

#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod bodies;
mod counts;
mod filtering;
mod journal;
mod journal_search;
mod long_logs;
mod paging;
mod search;
mod test_app;
mod upgrade;
