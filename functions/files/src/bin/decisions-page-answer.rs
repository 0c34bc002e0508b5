//! The function behind `POST /d/{token}`.

#[tokio::main]
async fn main() -> Result<(), handrail_context::aws::Error> {
    handrail_web::aws::serve_kinds_with(
        handrail_decisions::page_answer::ENDPOINT,
        handrail_kinds::KIND_LIST,
        handrail_s3::open,
    )
    .await
}
