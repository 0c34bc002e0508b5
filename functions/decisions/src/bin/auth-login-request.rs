//! The function behind `POST /auth/login`.

#[tokio::main]
async fn main() -> Result<(), handrail_kernel::aws::Error> {
    handrail_kernel::aws::serve(handrail_decisions::account::login_request::ENDPOINT).await
}
