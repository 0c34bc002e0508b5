//! The function behind `POST /api/v1/hooks`.

#[tokio::main]
async fn main() -> Result<(), handrail_kernel::aws::Error> {
    handrail_kernel::aws::serve(handrail_packets::hooks::create::ENDPOINT).await
}
