//! The function behind `POST /decisions/{id}/attachments`.

#[tokio::main]
async fn main() -> Result<(), handrail_context::aws::Error> {
    handrail_web::aws::serve_with(handrail_decisions::attachments::add::ENDPOINT, handrail_s3::open).await
}
