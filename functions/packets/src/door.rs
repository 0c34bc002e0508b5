//! Name and error format of this door.

use handrail_web::door::Door;

use crate::errors::ERROR_RENDERER;

pub const DOOR: Door = Door { name: "packets", error_renderer: ERROR_RENDERER };
