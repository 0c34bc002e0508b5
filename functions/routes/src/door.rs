//! Name and error format of this door.

use handrail_web::door::{CallerRules, Door};

use crate::errors::ERROR_RENDERER;

pub const DOOR: Door = Door { name: "routes", error_renderer: ERROR_RENDERER, caller_rules: CallerRules::BEARER };
