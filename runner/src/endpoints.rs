//! Endpoints of all doors, in one list.

use handrail_web::descriptions::Described;
use handrail_web::endpoint::Endpoint;

/// The crates in `functions/` with operations, by folder, and the operations that each crate's Lambda binary serves.
pub const BINARIES: [(&str, &[Endpoint]); 8] = [
    ("decisions", handrail_decisions::ENDPOINTS),
    ("kinds", handrail_kinds::ENDPOINTS),
    ("files", handrail_decisions::FILE_ENDPOINTS),
    ("packets", handrail_packets::ENDPOINTS),
    ("routes", handrail_routes::ENDPOINTS),
    ("slack", handrail_slack::ENDPOINTS),
    ("audit", handrail_audit::ENDPOINTS),
    ("docs", handrail_docs::ENDPOINTS),
];

/// Returns the endpoints of all doors.
pub fn endpoints() -> Vec<Endpoint> {
    BINARIES.iter().flat_map(|(_, endpoints)| *endpoints).copied().collect()
}

/// Descriptions of the same operations, in the same order.
pub const DESCRIPTIONS: [&[Described]; 8] = [
    handrail_decisions::DESCRIPTIONS,
    handrail_kinds::DESCRIPTIONS,
    handrail_decisions::FILE_DESCRIPTIONS,
    handrail_packets::DESCRIPTIONS,
    handrail_routes::DESCRIPTIONS,
    handrail_slack::DESCRIPTIONS,
    handrail_audit::DESCRIPTIONS,
    handrail_docs::DESCRIPTIONS,
];
