//! The function behind `GET /slack/oauth/callback`.

#[tokio::main]
async fn main() -> Result<(), handrail_kernel::aws::Error> {
    handrail_kernel::aws::serve(handrail_slack::oauth_callback::ENDPOINT).await
}
