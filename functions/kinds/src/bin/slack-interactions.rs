//! The function behind `POST /slack/interactions`.

#[tokio::main]
async fn main() -> Result<(), handrail_context::aws::Error> {
    handrail_web::aws::serve_kinds(handrail_slack::interactions::ENDPOINT, handrail_kinds::KIND_LIST).await
}
