//! What agents and people go through, over HTTP, one behaviour a file.

mod an_approval_reaches_the_agent;
