//! What a handler or a worker gets: the table, the clock, the entropy and the settings of the process.

pub mod aws;
pub mod aws_secrets;
pub mod cx;
pub mod effect_ids;
pub mod served_functions;
pub mod settings;
pub mod slack;
