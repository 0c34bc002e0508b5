//! Name and error format of this door.

use handrail_approvals::errors::ERROR_RENDERER;
use handrail_web::door::{CallerRules, Door};

pub(crate) const DOOR: Door = Door { name: "docs", error_renderer: ERROR_RENDERER, caller_rules: CallerRules::BEARER };
