//! The function behind `POST /decisions/{id}/cancel`.

#[tokio::main]
async fn main() -> Result<(), handrail_context::aws::Error> {
    handrail_web::aws::serve(handrail_decisions::cancel::ENDPOINT).await
}
