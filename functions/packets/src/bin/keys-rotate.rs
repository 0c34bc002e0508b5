//! The function behind `POST /api/v1/keys/{id}/rotate`.

#[tokio::main]
async fn main() -> Result<(), handrail_kernel::aws::Error> {
    handrail_kernel::aws::serve(handrail_packets::keys::rotate::ENDPOINT).await
}
