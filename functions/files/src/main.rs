//! Lambda binary of the operations that receive or send files. `HANDRAIL_FUNCTION` names the one that a function serves.
//!
//! It is a crate of its own, so that the other doors' binaries don't link the S3 client.

use handrail_web::aws::Binary;

#[tokio::main]
async fn main() -> Result<(), handrail_context::aws::Error> {
    let binary = Binary::new(handrail_decisions::FILE_ENDPOINTS);
    // An answer on a page may belong to a record of any kind.
    binary.with_kinds(handrail_kinds::KIND_LIST).with_blob_store(handrail_s3::open).serve().await
}
