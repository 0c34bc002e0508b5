//! The function behind `GET /api/v1/schemas`.

#[tokio::main]
async fn main() -> Result<(), handrail_kernel::aws::Error> {
    handrail_kernel::aws::serve(handrail_packets::schemas::list::ENDPOINT).await
}
