//! The function behind `POST /api/v1/packets/batch/complete`.

#[tokio::main]
async fn main() -> Result<(), handrail_kernel::aws::Error> {
    handrail_kernel::aws::serve(handrail_packets::batch_complete::ENDPOINT).await
}
