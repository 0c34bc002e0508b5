//! The function behind `POST /auth/logout`.

#[tokio::main]
async fn main() -> Result<(), handrail_kernel::aws::Error> {
    handrail_kernel::aws::serve(handrail_decisions::account::logout::ENDPOINT).await
}
