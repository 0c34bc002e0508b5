//! What holds when something breaks: each journey is walked again for each database call in it, with that call not done,
//! done but not answered, done twice, or the last one before the process dies. The same laws hold afterwards.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a law that does not hold ends the test, wherever it is noticed"
)]

mod broken_calls;
mod evidence;
mod feed;
mod hooks;
mod journeys;
mod kills;
mod large_bodies;
mod laws;
mod packets;
mod races;
mod round_trips;
mod scene;
mod sweep;
mod tenants;
