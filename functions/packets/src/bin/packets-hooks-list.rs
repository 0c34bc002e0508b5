//! The function behind `GET /api/v1/hooks`.

#[tokio::main]
async fn main() -> Result<(), handrail_kernel::aws::Error> {
    handrail_kernel::aws::serve(handrail_packets::hooks::list::ENDPOINT).await
}
