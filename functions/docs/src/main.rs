//! Lambda binary of the operations in this crate. `HANDRAIL_FUNCTION` names the one that a function serves.

use handrail_web::aws::Binary;

#[tokio::main]
async fn main() -> Result<(), handrail_context::aws::Error> {
    Binary::new(handrail_docs::ENDPOINTS).serve().await
}
