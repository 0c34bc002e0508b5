//! The function behind `GET /ready`.

#[tokio::main]
async fn main() -> Result<(), handrail_context::aws::Error> {
    handrail_web::aws::serve(handrail_packets::ready::ENDPOINT).await
}
