//! The function behind `GET /decisions/{id}/deliveries`.

#[tokio::main]
async fn main() -> Result<(), handrail_context::aws::Error> {
    handrail_web::aws::serve(handrail_decisions::deliveries::ENDPOINT).await
}
