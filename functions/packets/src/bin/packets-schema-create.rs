//! The function behind `POST /api/v1/schemas`.

#[tokio::main]
async fn main() -> Result<(), handrail_kernel::aws::Error> {
    handrail_kernel::aws::serve(handrail_packets::schemas::create::ENDPOINT).await
}
