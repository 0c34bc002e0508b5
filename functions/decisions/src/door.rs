//! Name and error format of this door.

use handrail_web::door::{CallerRules, Door};

use handrail_approvals::errors::ERROR_RENDERER;

pub const DOOR: Door = Door { name: "decisions", error_renderer: ERROR_RENDERER, caller_rules: CallerRules::BEARER };
