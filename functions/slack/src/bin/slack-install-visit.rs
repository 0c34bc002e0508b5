//! The function behind `GET /slack/install`.

#[tokio::main]
async fn main() -> Result<(), handrail_context::aws::Error> {
    handrail_web::aws::serve(handrail_slack::install_redirect::ENDPOINT).await
}
