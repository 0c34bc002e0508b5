//! The function behind `GET /api/v1/tenants/{id}/keys`.

#[tokio::main]
async fn main() -> Result<(), handrail_kernel::aws::Error> {
    handrail_kernel::aws::serve(handrail_packets::tenants::keys::ENDPOINT).await
}
