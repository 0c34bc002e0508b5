//! Domain rules of Handrail: ids, lifecycles, the guards of commands and the effects of events.
//!
//! Everything here is a pure function of its arguments. There is no async, no clock, no entropy, no AWS and no HTTP:
//! times and ids are arguments. So the tests can try every state with every command.

pub mod access;
pub mod account;
pub mod actor;
pub mod answer_origin;
pub mod approval_purpose;
pub mod approvers;
pub mod argument_condition;
pub mod argument_rows;
pub mod attachment;
pub mod body_reader;
pub mod canonical;
mod chain_hash;
mod content_ref;
pub mod deceptive_text;
pub mod decision;
pub mod effect;
pub mod field_error;
pub mod file;
pub mod ids;
pub mod ip_network;
pub mod jcs;
pub mod journal_export;
pub mod journal_row;
pub mod key_hash;
pub mod key_rate_limit;
pub mod lifecycle;
pub mod login;
pub mod merkle_tree;
pub mod outbound;
pub mod packet;
pub mod packet_limits;
pub mod personal_values;
pub mod policy;
mod purpose;
pub mod read_time;
pub mod record;
pub mod search_terms;
pub mod skeleton;
pub mod slack_user;
mod table;
pub mod text;
pub mod time;
pub mod totals;
pub mod webhook;
pub mod webhook_health;
