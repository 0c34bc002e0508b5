//! What the rules promise, tried exhaustively where the cases can be counted and at random where they can't.

#![expect(clippy::panic, clippy::unwrap_used, reason = "the helpers of a test may fail it")]

mod answers;
mod asking;
mod effects;
mod ending;
mod every_case;
mod fitting;
mod oracle;
mod policies;
mod reaching;
mod reminders;
mod response_types;
mod sequences;
mod settling;
mod stored;
mod stored_since;
mod support;
mod table;
mod trimming;
