//! The function behind `POST /auth/login/{token}`.

#[tokio::main]
async fn main() -> Result<(), handrail_kernel::aws::Error> {
    handrail_kernel::aws::serve(handrail_decisions::account::login_use::ENDPOINT).await
}
