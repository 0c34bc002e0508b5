//! The pages for a link that leads nowhere and for a request that could not be taken.
//!
//! They say nothing about any request: whoever sees them has not shown a good link.

use handrail_kernel::pages::{Page, html as respond};
use http::{HeaderValue, Response, StatusCode, header};
use maud::{Markup, html};

use super::span;
use super::words::count;
use handrail_domain::decision::NOTES_CHARS_MAX as NOTES_MAX;

/// 404: no request has this link.
#[must_use]
pub fn not_found() -> Response<String> {
    notice(
        StatusCode::NOT_FOUND,
        "This link does not work",
        &html! {
            p class="lede" { "No request belongs to this address." }
            p { "Mail programs sometimes cut a long link in two. Open it from the mail again, or copy the whole of it." }
        },
    )
}

/// 429: too many tries from one place. With the seconds to wait, where they are known.
#[must_use]
pub fn rate_limited(wait_seconds: Option<u32>) -> Response<String> {
    let mut response = notice(
        StatusCode::TOO_MANY_REQUESTS,
        "Too many tries",
        &html! {
            p class="lede" { "Too many requests came from your network in a short time. Nothing was decided by this one." }
            p {
                @match wait_seconds {
                    Some(seconds) => {
                        "Wait " (span(i64::from(seconds.div_ceil(60)).max(1))) ", then open the link again."
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

/// 413: the form was larger than any honest answer.
#[must_use]
pub fn too_large(limit_bytes: usize) -> Response<String> {
    const MB: usize = 1024 * 1024;
    notice(
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

/// 400: something was sent, but not the form of this page.
#[must_use]
pub fn unreadable() -> Response<String> {
    notice(
        StatusCode::BAD_REQUEST,
        "That could not be read",
        &html! {
            p class="lede" { "What was sent is not an answer from this page. Nothing was decided by it." }
            p { "Open the link in the mail again, and tap one of the buttons there." }
        },
    )
}

/// 503: Handrail failed, and cannot say whether an answer was recorded before it did.
#[must_use]
pub fn unavailable() -> Response<String> {
    notice(
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

fn notice(status: StatusCode, title: &str, words: &Markup) -> Response<String> {
    let body = html! {
        div class="card" {
            h1 { (title) }
            (words)
        }
    };
    respond(status, &Page::new(title, body))
}

#[cfg(test)]
mod tests {
    use super::super::samples::assert_harmless;
    use super::*;

    #[test]
    fn each_has_its_status_and_is_a_sound_page() {
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
    fn the_wait_is_told_to_people_and_programs() {
        let response = rate_limited(Some(90));
        assert_eq!(response.headers()["retry-after"], "90");
        assert!(response.body().contains("Wait 2 minutes"));
        assert!(!rate_limited(None).headers().contains_key("retry-after"));
    }
}
