//! What an operation takes and returns, as types, from which the OpenAPI documents are generated.
//!
//! [`Description::of`] reads the arguments and the result of the operation's handler, so a description can't name another
//! request than the one that the handler parses. Only tests call descriptions; no function on AWS contains their code.
//! See docs/decisions/0036-documents-from-types.md.

mod arguments;
mod description;
mod handlers;
mod operations;
mod outcomes;

pub use arguments::Argument;
pub use description::{
    Body, Content, Described, Description, FORM, HTML, Header, JSON, MULTIPART, ProblemFormat, SchemaOf, schema_of,
};
pub use outcomes::Outcome;
