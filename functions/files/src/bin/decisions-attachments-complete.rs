//! The function behind `POST /uploads/{token}`.

#[tokio::main]
async fn main() -> Result<(), handrail_context::aws::Error> {
    handrail_web::aws::serve_with(handrail_decisions::attachments::complete::ENDPOINT, handrail_s3::open).await
}
