//! The function behind `GET /files/{token}`.

#[tokio::main]
async fn main() -> Result<(), handrail_context::aws::Error> {
    handrail_web::aws::serve_with(handrail_decisions::files::ENDPOINT, handrail_s3::open).await
}
