//! Client for the methods of Slack's Web API that Handrail uses.
//!
//! Called by the worker that notifies people, and by operations that Slack calls with a limit of three seconds. A call
//! ends at its timeout, errors distinguish refusals from outages, and no error contains a token or a user's text.
//! Retries are left to the callers.

mod bot_token;
mod client;
mod fault;
mod methods;

pub use bot_token::BotToken;
pub use client::{OPERATION_TIMEOUT, SLACK_API_URL, Slack, WORKER_TIMEOUT};
pub use fault::SlackFault;
pub use methods::{Install, MessageRef};

#[cfg(test)]
mod tests;
