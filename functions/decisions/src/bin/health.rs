//! The function behind `GET /healthz`.

#[tokio::main]
async fn main() -> Result<(), handrail_context::aws::Error> {
    handrail_web::aws::serve(handrail_decisions::health::ENDPOINT).await
}
