//! The function behind `POST /api/v1/tenants`.

#[tokio::main]
async fn main() -> Result<(), handrail_context::aws::Error> {
    handrail_web::aws::serve(handrail_packets::tenants::create::ENDPOINT).await
}
