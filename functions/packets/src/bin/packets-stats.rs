//! The function behind `GET /api/v1/stats`.

#[tokio::main]
async fn main() -> Result<(), handrail_kernel::aws::Error> {
    handrail_kernel::aws::serve(handrail_packets::stats::ENDPOINT).await
}
