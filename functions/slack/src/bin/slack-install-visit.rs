//! The function behind `GET /slack/install`.

#[tokio::main]
async fn main() -> Result<(), handrail_kernel::aws::Error> {
    handrail_kernel::aws::serve(handrail_slack::install_visit::ENDPOINT).await
}
