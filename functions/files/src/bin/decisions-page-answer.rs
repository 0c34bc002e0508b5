//! The function behind `POST /d/{token}`.

#[tokio::main]
async fn main() -> Result<(), handrail_kernel::aws::Error> {
    handrail_kernel::aws::serve_with(handrail_decisions::page_answer::ENDPOINT, handrail_s3::open).await
}
