//! The function behind `POST /slack/install`.

#[tokio::main]
async fn main() -> Result<(), handrail_kernel::aws::Error> {
    handrail_kernel::aws::serve(handrail_slack::install::ENDPOINT).await
}
