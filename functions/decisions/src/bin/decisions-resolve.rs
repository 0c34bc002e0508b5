//! The function behind `POST /decisions/{id}/resolve`.

#[tokio::main]
async fn main() -> Result<(), handrail_context::aws::Error> {
    handrail_web::aws::serve(handrail_decisions::resolve::ENDPOINT).await
}
