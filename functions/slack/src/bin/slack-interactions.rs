//! The function behind `POST /slack/interactions`.

#[tokio::main]
async fn main() -> Result<(), handrail_kernel::aws::Error> {
    handrail_kernel::aws::serve(handrail_slack::interactions::ENDPOINT).await
}
