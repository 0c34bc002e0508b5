//! What the rules of packets promise, tried exhaustively where the cases can be counted and at random where they can't.

#![expect(clippy::panic, clippy::unwrap_used, reason = "the helpers of a test may fail it")]

mod answers;
mod asking;
mod bodies;
mod chaining;
mod every_case;
mod leases;
mod logs;
mod merging;
mod oracle;
mod reading;
mod refusing;
mod sending_back;
mod sequences;
mod stored;
mod support;
mod table;
mod times;
