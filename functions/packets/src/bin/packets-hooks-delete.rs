//! The function behind `DELETE /api/v1/hooks/{id}`.

#[tokio::main]
async fn main() -> Result<(), handrail_kernel::aws::Error> {
    handrail_kernel::aws::serve(handrail_packets::hooks::delete::ENDPOINT).await
}
