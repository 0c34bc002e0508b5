//! The function behind `POST /api/v1/packets/batch/complete`.

#[tokio::main]
async fn main() -> Result<(), handrail_context::aws::Error> {
    handrail_web::aws::serve(handrail_packets::batch_complete::ENDPOINT).await
}
