//! Fault tests: each journey runs once for each of its database calls, with that call failed before or after execution,
//! executed twice, or interrupted by a crash. The same invariants must hold afterwards.
#![expect(clippy::expect_used, clippy::panic, reason = "an invariant that does not hold fails the test")]

mod count_invariants;
mod crashes;
mod each_call;
mod failed_calls;
mod invariants;
mod journal_invariants;
mod journeys;
mod large_bodies;
mod once;
mod packet_invariants;
mod races;
mod round_trips;
mod rules;
mod scenario;
mod snapshot;
mod tenants;
mod webhooks;
