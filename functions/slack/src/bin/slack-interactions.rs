//! The function behind `POST /slack/interactions`.

#[tokio::main]
async fn main() -> Result<(), handrail_context::aws::Error> {
    handrail_web::aws::serve(handrail_slack::interactions::ENDPOINT).await
}
