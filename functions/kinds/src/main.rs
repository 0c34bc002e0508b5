//! Lambda binary of the operations on records of every kind. `HANDRAIL_FUNCTION` names the one that a function serves.

use handrail_web::aws::Binary;

#[tokio::main]
async fn main() -> Result<(), handrail_context::aws::Error> {
    Binary::new(handrail_kinds::ENDPOINTS).with_kinds(handrail_kinds::KIND_LIST).serve().await
}
