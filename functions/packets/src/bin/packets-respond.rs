//! The function behind `POST /api/v1/packets/{id}/respond`.

#[tokio::main]
async fn main() -> Result<(), handrail_kernel::aws::Error> {
    handrail_kernel::aws::serve(handrail_packets::respond::ENDPOINT).await
}
