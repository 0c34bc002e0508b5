//! Description of an operation.

use std::collections::{BTreeMap, BTreeSet};

use schemars::{JsonSchema, Schema, SchemaGenerator};

use crate::endpoint::Endpoint;

/// Generates the schema of a type.
pub type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// Description of an operation.
#[derive(Clone, Debug, Default)]
pub struct Description {
    /// Schemas of structs whose members are the query parameters.
    pub queries: Vec<SchemaOf>,
    pub headers: Vec<Header>,
    /// Schema of the parameter in the path, if it is not any text.
    pub path_parameter: Option<SchemaOf>,
    pub body: Option<Body>,
    /// Contents of the responses by status. A status without content has an empty body.
    pub responses: BTreeMap<u16, Vec<Content>>,
    /// Statuses whose body may also be empty.
    pub may_be_empty: BTreeSet<u16>,
    /// Statuses of the errors, in the error format of the door.
    pub problems: BTreeSet<u16>,
    pub problem_format: ProblemFormat,
    /// Schema of the door's error responses.
    pub problem_schema: Option<SchemaOf>,
}

/// Header of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    pub name: &'static str,
    pub description: &'static str,
}

/// Body of a request.
#[derive(Clone, Debug)]
pub struct Body {
    pub contents: Vec<Content>,
    pub is_required: bool,
}

/// Body in one content type. Without a schema it is any text or any bytes.
#[derive(Clone, Copy, Debug)]
pub struct Content {
    pub content_type: &'static str,
    pub schema: Option<SchemaOf>,
}

/// Form in which an operation shows its errors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProblemFormat {
    #[default]
    Json,
    /// A page.
    Page,
    /// A page for a browser, and JSON for a program that asks for it.
    PageOrJson,
}

/// A row of the registry and its description.
pub type Described = (Endpoint, fn() -> Description);

pub const JSON: &str = "application/json";
pub const HTML: &str = "text/html";
pub const FORM: &str = "application/x-www-form-urlencoded";
pub const MULTIPART: &str = "multipart/form-data";

impl Description {
    /// Adds a JSON response, for a handler that builds its response.
    #[must_use]
    pub fn json<T: JsonSchema>(self, status: u16) -> Self {
        self.content(status, Content { content_type: JSON, schema: Some(schema_of::<T>()) })
    }

    /// Adds a response that is a page.
    #[must_use]
    pub fn page(self, status: u16) -> Self {
        self.text(status, HTML)
    }

    /// Adds a response of text or bytes.
    #[must_use]
    pub fn text(self, status: u16, content_type: &'static str) -> Self {
        self.content(status, Content { content_type, schema: None })
    }

    /// Adds a response without a body.
    #[must_use]
    pub fn empty(mut self, status: u16) -> Self {
        self.responses.entry(status).or_default();
        self.may_be_empty.insert(status);
        self
    }

    fn content(mut self, status: u16, content: Content) -> Self {
        self.responses.entry(status).or_default().push(content);
        self
    }

    /// Adds statuses of errors that follow from no argument of the handler.
    #[must_use]
    pub fn problems(mut self, statuses: &[u16]) -> Self {
        self.problems.extend(statuses);
        self
    }

    /// Sets the form of the errors of an operation with pages.
    #[must_use]
    pub fn problem_format(self, problem_format: ProblemFormat) -> Self {
        Self { problem_format, ..self }
    }

    /// Sets the door's error format. The list of the door's operations calls this for each.
    #[must_use]
    pub fn with_problem<T: JsonSchema>(self) -> Self {
        Self { problem_schema: Some(schema_of::<T>()), ..self }
    }

    /// Sets the body, for a handler that reads it from the request.
    #[must_use]
    pub fn body(mut self, contents: &[Content]) -> Self {
        self.set_body(contents.to_vec(), true);
        self
    }

    /// Adds query parameters, for a handler that reads them from the request.
    #[must_use]
    pub fn query<T: JsonSchema>(mut self) -> Self {
        self.queries.push(schema_of::<T>());
        self
    }

    /// Adds a header, for a handler that reads it from the request.
    #[must_use]
    pub fn header(mut self, name: &'static str, description: &'static str) -> Self {
        self.headers.push(Header { name, description });
        self
    }

    /// Sets the body of the request. The errors of a body are an invalid body and one that is too large.
    pub fn set_body(&mut self, contents: Vec<Content>, is_required: bool) {
        self.body = Some(Body { contents, is_required });
        self.problems.extend([400, 413]);
    }
}

impl Content {
    pub const fn any(content_type: &'static str) -> Self {
        Self { content_type, schema: None }
    }

    pub fn of<T: JsonSchema>(content_type: &'static str) -> Self {
        Self { content_type, schema: Some(schema_of::<T>()) }
    }
}

/// Returns the function that generates the schema of a type.
pub fn schema_of<T: JsonSchema>() -> SchemaOf {
    |generator| generator.subschema_for::<T>()
}
