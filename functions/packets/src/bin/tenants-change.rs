//! The function behind `PATCH /api/v1/tenants/{id}`.

#[tokio::main]
async fn main() -> Result<(), handrail_kernel::aws::Error> {
    handrail_kernel::aws::serve(handrail_packets::tenants::change::ENDPOINT).await
}
