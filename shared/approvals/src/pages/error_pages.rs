//! Pages for an invalid link and for an HTTP request that was rejected.
//!
//! These pages contain no data of any approval request, because their reader may not have a valid link.

use handrail_web::pages::{HtmlPage, html_response as respond};
use http::{HeaderValue, Response, StatusCode, header};
use maud::{Markup, html};

use super::format::{count, duration};
use handrail_domain::decision::NOTES_CHARS_MAX as NOTES_MAX;

/// Returns the page for an invalid link, with status 404.
#[must_use]
pub fn not_found() -> Response<String> {
    error_page(
        StatusCode::NOT_FOUND,
        "This link does not work",
        &html! {
            p class="lede" { "No request belongs to this address." }
            p { "Mail programs sometimes cut a long link in two. Open it from the mail again, or copy the whole of it." }
        },
    )
}

/// Returns the page for too many requests from one network, with status 429 and, if known, the seconds to wait.
#[must_use]
pub fn rate_limited(wait_seconds: Option<u32>) -> Response<String> {
    let mut response = error_page(
        StatusCode::TOO_MANY_REQUESTS,
        "Too many tries",
        &html! {
            p class="lede" { "Too many requests came from your network in a short time. Nothing was decided by this one." }
            p {
                @match wait_seconds {
                    Some(seconds) => {
                        "Wait " (duration(i64::from(seconds.div_ceil(60)).max(1))) ", then open the link again."
                    }
                    None => { "Wait a little, then open the link again." }
                }
            }
        },
    );
    if let Some(seconds) = wait_seconds {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// Returns the page for a form that is too large, with status 413.
#[must_use]
pub fn too_large(limit_bytes: usize) -> Response<String> {
    const MB: usize = 1024 * 1024;
    error_page(
        StatusCode::PAYLOAD_TOO_LARGE,
        "That was too long",
        &html! {
            @if limit_bytes < MB {
                p class="lede" { "Notes can have " (count(NOTES_MAX, "character")) " at most. Nothing was decided." }
                p { "Go back, shorten what you wrote and send it again." }
            } @else {
                p class="lede" { "Files can have " (limit_bytes / MB) " MB together here. Nothing was decided." }
                p { "Go back, and pick smaller files or fewer of them." }
            }
        },
    )
}

/// Returns the page for a request body that is not the form of the page, with status 400.
#[must_use]
pub fn unreadable() -> Response<String> {
    error_page(
        StatusCode::BAD_REQUEST,
        "That could not be read",
        &html! {
            p class="lede" { "What was sent is not an answer from this page. Nothing was decided by it." }
            p { "Open the link in the mail again, and tap one of the buttons there." }
        },
    )
}

/// Returns the page for a failure that may have happened before or after an answer was recorded, with status 503.
#[must_use]
pub fn unavailable() -> Response<String> {
    error_page(
        StatusCode::SERVICE_UNAVAILABLE,
        "Something went wrong here",
        &html! {
            p class="lede" { "The fault is ours, and we cannot tell from here whether an answer was recorded." }
            p {
                "Open the link in the mail again in a minute: it shows how things stand. \
                 Answering again is safe, since only one answer ever counts."
            }
        },
    )
}

fn error_page(status: StatusCode, title: &str, content: &Markup) -> Response<String> {
    let body = html! {
        div class="card" {
            h1 { (title) }
            (content)
        }
    };
    respond(status, &HtmlPage::new(title, body))
}

#[cfg(test)]
mod tests {
    use super::super::hostile_input::assert_harmless;
    use super::*;

    #[test]
    fn error_pages_have_status_and_valid_html() {
        for (response, status) in [
            (not_found(), 404),
            (rate_limited(None), 429),
            (rate_limited(Some(90)), 429),
            (too_large(10), 413),
            (too_large(5 << 20), 413),
            (unreadable(), 400),
            (unavailable(), 503),
        ] {
            assert_eq!(response.status().as_u16(), status);
            assert_eq!(response.headers()["cache-control"], "no-store");
            assert_harmless(response.body());
            assert!(!response.body().contains("agent wrote"));
        }
    }

    #[test]
    fn rate_limited_page_states_the_wait_time() {
        let response = rate_limited(Some(90));
        assert_eq!(response.headers()["retry-after"], "90");
        assert!(response.body().contains("Wait 2 minutes"));
        assert!(!rate_limited(None).headers().contains_key("retry-after"));
    }
}
