//! The function behind `POST /auth/api-keys/{id}/rules/dry-run`.

#[tokio::main]
async fn main() -> Result<(), handrail_context::aws::Error> {
    handrail_web::aws::serve(handrail_decisions::auth::rules_dry_run::ENDPOINT).await
}
