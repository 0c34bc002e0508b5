//! The function behind `GET /api/v1/tenants/{id}`.

#[tokio::main]
async fn main() -> Result<(), handrail_context::aws::Error> {
    handrail_web::aws::serve(handrail_packets::tenants::get::ENDPOINT).await
}
