//! `/local/clock`: reads the local clock and moves it ahead.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use handrail_platform::clock::Clock;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::state::Local;

/// Longest move: a year, longer than any timer.
const ADVANCE_SECONDS_MAX: f64 = 366.0 * 24.0 * 60.0 * 60.0;

#[derive(Deserialize)]
struct Advance {
    advance_seconds: f64,
}

pub(super) async fn show(State(local): State<Local>) -> axum::Json<Value> {
    axum::Json(state(&local))
}

/// Moves the clock and responds when all work due by then is done.
pub(super) async fn advance(State(local): State<Local>, body: Bytes) -> Response {
    let requested = serde_json::from_slice::<Advance>(&body).ok().map(|advance| advance.advance_seconds);
    let Some(seconds) = requested.filter(|seconds| (0.0..=ADVANCE_SECONDS_MAX).contains(seconds)) else {
        let error = format!("send {{\"advance_seconds\": n}} with n from 0 to {ADVANCE_SECONDS_MAX}");
        return (StatusCode::BAD_REQUEST, axum::Json(json!({"error": error}))).into_response();
    };
    #[expect(clippy::cast_possible_truncation, reason = "checked to be at most a year")]
    let ms = (seconds * 1000.0).round() as i64;
    local.pump.advance_to(local.clock.now().plus_ms(ms)).await;
    axum::Json(state(&local)).into_response()
}

fn state(local: &Local) -> Value {
    json!({"now": local.clock.now(), "ahead_seconds": local.clock.ahead_seconds()})
}
