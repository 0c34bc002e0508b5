//! The function behind `GET /metrics`.

#[tokio::main]
async fn main() -> Result<(), handrail_kernel::aws::Error> {
    handrail_kernel::aws::serve(handrail_packets::metrics::ENDPOINT).await
}
