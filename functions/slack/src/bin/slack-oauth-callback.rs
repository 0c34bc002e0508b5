//! The function behind `GET /slack/oauth/callback`.

#[tokio::main]
async fn main() -> Result<(), handrail_context::aws::Error> {
    handrail_web::aws::serve(handrail_slack::oauth_callback::ENDPOINT).await
}
