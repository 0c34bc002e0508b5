//! What is true in Handrail, and nothing else: ids, lifecycles, what a command may do, what follows from an event.
//!
//! Everything here is a pure function of its arguments. There is no async, no clock, no entropy, no AWS and no HTTP:
//! the time is an argument, and so is every id. That is what lets the tests try every state with every command.

pub mod access;
pub mod account;
pub mod actor;
pub mod allotment;
pub mod attachment;
pub mod canonical;
pub mod decision;
pub mod effect;
pub mod file;
pub mod hook;
pub mod ids;
pub mod lifecycle;
pub mod login;
pub mod outbound;
pub mod packet;
pub mod policy;
pub mod record;
pub mod text;
pub mod time;
pub mod totals;
pub mod words;
