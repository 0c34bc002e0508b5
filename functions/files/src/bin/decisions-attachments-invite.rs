//! The function behind `POST /decisions/{id}/attachments/uploads`.

#[tokio::main]
async fn main() -> Result<(), handrail_context::aws::Error> {
    handrail_web::aws::serve_with(handrail_decisions::attachments::create_upload::ENDPOINT, handrail_s3::open).await
}
