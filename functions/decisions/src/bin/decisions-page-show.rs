//! The function behind `GET /d/{token}`.

#[tokio::main]
async fn main() -> Result<(), handrail_context::aws::Error> {
    handrail_web::aws::serve(handrail_decisions::page_show::ENDPOINT).await
}
