//! Name and error format of the operations that Slack and its users call.

use handrail_approvals::errors::ERROR_RENDERER;
use handrail_web::door::{CallerRules, Door};

pub(crate) const DOOR: Door = Door { name: "slack", error_renderer: ERROR_RENDERER, caller_rules: CallerRules::BEARER };
