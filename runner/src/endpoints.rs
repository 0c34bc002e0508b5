//! Endpoints of all doors, in one list.

use handrail_web::endpoint::Endpoint;

/// The crates in `functions/` with operations, by folder, and the operations that each crate's Lambda binary serves.
pub const BINARIES: [(&str, &[Endpoint]); 7] = [
    ("decisions", handrail_decisions::ENDPOINTS),
    ("kinds", handrail_kinds::ENDPOINTS),
    ("files", handrail_decisions::FILE_ENDPOINTS),
    ("packets", handrail_packets::ENDPOINTS),
    ("routes", handrail_routes::ENDPOINTS),
    ("slack", handrail_slack::ENDPOINTS),
    ("audit", handrail_audit::ENDPOINTS),
];

/// Returns the endpoints of all doors.
pub fn endpoints() -> Vec<Endpoint> {
    BINARIES.iter().flat_map(|(_, endpoints)| *endpoints).copied().collect()
}
