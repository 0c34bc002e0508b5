//! The function behind `GET /decisions/{id}/attachments`.

#[tokio::main]
async fn main() -> Result<(), handrail_context::aws::Error> {
    handrail_web::aws::serve(handrail_decisions::attachments::list::ENDPOINT).await
}
