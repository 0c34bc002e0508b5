//! The function behind `GET /api/v1/hooks/{id}/deliveries`.

#[tokio::main]
async fn main() -> Result<(), handrail_kernel::aws::Error> {
    handrail_kernel::aws::serve(handrail_packets::hooks::deliveries::ENDPOINT).await
}
