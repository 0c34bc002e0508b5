//! Endpoints of all doors, in one list.

use handrail_web::endpoint::Endpoint;

/// Returns the endpoints of all doors.
pub fn endpoints() -> Vec<Endpoint> {
    [handrail_decisions::ENDPOINTS, handrail_packets::ENDPOINTS, handrail_routes::ENDPOINTS, handrail_slack::ENDPOINTS]
        .concat()
}
