//! The function behind `POST /api/v1/packets/batch`.

#[tokio::main]
async fn main() -> Result<(), handrail_kernel::aws::Error> {
    handrail_kernel::aws::serve(handrail_packets::batch_create::ENDPOINT).await
}
