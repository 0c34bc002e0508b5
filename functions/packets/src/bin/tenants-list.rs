//! The function behind `GET /api/v1/tenants`.

#[tokio::main]
async fn main() -> Result<(), handrail_kernel::aws::Error> {
    handrail_kernel::aws::serve(handrail_packets::tenants::list::ENDPOINT).await
}
