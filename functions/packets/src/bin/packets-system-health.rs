//! The function behind `GET /api/v1/system/health`.

#[tokio::main]
async fn main() -> Result<(), handrail_kernel::aws::Error> {
    handrail_kernel::aws::serve(handrail_packets::system_health::ENDPOINT).await
}
