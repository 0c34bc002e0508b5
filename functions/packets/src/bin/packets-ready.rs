//! The function behind `GET /ready`.

#[tokio::main]
async fn main() -> Result<(), handrail_kernel::aws::Error> {
    handrail_kernel::aws::serve(handrail_packets::ready::ENDPOINT).await
}
