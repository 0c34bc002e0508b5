//! The function behind `GET /d/{token}`.

#[tokio::main]
async fn main() -> Result<(), handrail_kernel::aws::Error> {
    handrail_kernel::aws::serve(handrail_decisions::page_show::ENDPOINT).await
}
