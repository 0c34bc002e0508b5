//! The function behind `GET /account`.

#[tokio::main]
async fn main() -> Result<(), handrail_kernel::aws::Error> {
    handrail_kernel::aws::serve(handrail_decisions::account::show::ENDPOINT).await
}
