//! The function behind `DELETE /api/v1/keys/{id}`.

#[tokio::main]
async fn main() -> Result<(), handrail_kernel::aws::Error> {
    handrail_kernel::aws::serve(handrail_packets::keys::revoke::ENDPOINT).await
}
