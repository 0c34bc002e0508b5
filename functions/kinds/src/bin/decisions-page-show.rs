//! The function behind `GET /d/{token}`.

#[tokio::main]
async fn main() -> Result<(), handrail_context::aws::Error> {
    handrail_web::aws::serve_kinds(handrail_decisions::page_show::ENDPOINT, handrail_kinds::KIND_LIST).await
}
