//! A door as data: its name and its error format.

use crate::problem::ErrorRenderer;

/// A published API. Each door's crate has one constant of it, which every endpoint of the door names.
#[derive(Clone, Copy)]
pub struct Door {
    pub name: &'static str,
    pub error_renderer: ErrorRenderer,
}

impl Door {
    /// Returns the door with another error format, for operations that serve pages.
    #[must_use]
    pub const fn with_error_renderer(self, error_renderer: ErrorRenderer) -> Self {
        Self { error_renderer, ..self }
    }
}
