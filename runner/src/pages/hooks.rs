//! The calls this program made to webhooks and the calls its own test receiver took:
//! `/local/hooks`.

use handrail_kernel::pages::shown;
use http::{Response, StatusCode};
use maud::{Markup, html};
use serde_json::Value;

use super::local;

/// What was sent and what came in, each newest first.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hooks<'a> {
    /// Where this program answers, to name the test receiver in full.
    pub address: &'a str,
    pub deliveries: &'a [Delivery<'a>],
    pub received: &'a [Call<'a>],
}

/// One event on its way to one address.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Delivery<'a> {
    pub id: &'a str,
    pub url: &'a str,
    pub event: &'a str,
    /// `pending`, `delivered`, `failed`: shown as it is.
    pub status: &'a str,
    pub attempts: &'a [Attempt<'a>],
    /// In UTC, while there is one.
    pub next_try: Option<&'a str>,
}

/// One try to deliver.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attempt<'a> {
    /// In UTC.
    pub at: &'a str,
    /// What came back: a status code, or why there is none.
    pub result: Result<u16, &'a str>,
}

/// One call taken at `/local/hooks/in/{name}`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call<'a> {
    /// In UTC.
    pub at: &'a str,
    pub name: &'a str,
    pub headers: &'a [(&'a str, &'a str)],
    pub body: &'a str,
}

/// `/local/hooks`
#[must_use]
pub(crate) fn hooks(view: &Hooks<'_>) -> Response<String> {
    let body = html! {
        div class="card" {
            h1 { "Webhooks" }
            h2 id="sent" { "Sent" }
            @if view.deliveries.is_empty() {
                div class="empty" {
                    p { "Nothing was sent yet." }
                    p { "Ask for a decision with a callback address and answer it, or make a hook and hand a packet over: the delivery and each try stand here." }
                }
            } @else {
                ul class="rows" aria-labelledby="sent" {
                    @for delivery in view.deliveries { (sent(delivery)) }
                }
            }
        }
        div class="card" {
            h2 id="received" { "Received" }
            @if view.received.is_empty() {
                div class="empty" {
                    p { "Nothing was received yet." }
                    p { "Use " code { (view.address) "/local/hooks/in/demo" } " as a callback address, and what arrives stands here. Any name can follow " code { "in/" } "." }
                }
            } @else {
                ul class="rows" aria-labelledby="received" {
                    @for call in view.received { (received(call)) }
                }
            }
        }
    };
    local(StatusCode::OK, "Webhooks", body)
}

fn sent(delivery: &Delivery<'_>) -> Markup {
    html! {
        li data-delivery=(delivery.id) data-status=(delivery.status) {
            p class="row" {
                span { strong { (shown(delivery.event)) } " to " code { (shown(delivery.url)) } }
                span class=(tone(delivery.status)) { (shown(delivery.status)) }
            }
            p class="small soft" {
                code { (shown(delivery.id)) }
                @if let Some(next) = delivery.next_try { ", next try " (next) }
            }
            @if delivery.attempts.is_empty() {
                p class="small soft" { "Not tried yet." }
            } @else {
                ol class="small" {
                    @for attempt in delivery.attempts {
                        li {
                            (attempt.at) ": "
                            @match attempt.result {
                                Ok(code) => { "status " (code) }
                                Err(error) => { (shown(error)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn received(call: &Call<'_>) -> Markup {
    html! {
        li data-call=(call.name) {
            p class="row" {
                strong { (shown(call.name)) }
                span class="small soft" { (call.at) }
            }
            details {
                summary { "Headers (" (call.headers.len()) ")" }
                pre class="code box" tabindex="0" role="group" aria-label="Headers" {
                    @for (name, value) in call.headers { (shown(name)) ": " (shown(value)) "\n" }
                }
            }
            pre class="code box" tabindex="0" role="group" aria-label="Body" { (shown(&pretty(call.body))) }
        }
    }
}

fn tone(status: &str) -> &'static str {
    match status {
        "delivered" => "chip yes",
        "failed" | "dead" | "exhausted" => "chip no",
        _ => "chip mid",
    }
}

/// JSON with a line for each part; anything else as it came.
fn pretty(body: &str) -> String {
    serde_json::from_str::<Value>(body)
        .and_then(|value| serde_json::to_string_pretty(&value))
        .unwrap_or_else(|_| body.to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{HOSTILE, assert_harmless};
    use super::*;

    #[test]
    fn empty_lists_say_how_to_fill_them() {
        let page = hooks(&Hooks { address: "http://127.0.0.1:8080", deliveries: &[], received: &[] }).into_body();
        assert!(page.contains("Nothing was sent yet."));
        assert!(page.contains("<code>http://127.0.0.1:8080/local/hooks/in/demo</code>"));
    }

    #[test]
    fn hostile_calls_are_text() {
        let attempts =
            [Attempt { at: "16:30 UTC", result: Err(HOSTILE) }, Attempt { at: "16:31 UTC", result: Ok(503) }];
        let delivery = Delivery {
            id: "d1",
            url: HOSTILE,
            event: HOSTILE,
            status: "pending",
            attempts: &attempts,
            next_try: Some("16:35 UTC"),
        };
        let headers = [("content-type", HOSTILE), (HOSTILE, "x")];
        let call = Call { at: "16:31 UTC", name: HOSTILE, headers: &headers, body: HOSTILE };
        let page =
            hooks(&Hooks { address: "http://a", deliveries: &[delivery], received: &[Call { name: "demo", ..call }] })
                .into_body();
        assert_harmless(&page);
        assert!(page.contains("16:31 UTC: status 503"));
        assert!(page.contains("next try 16:35 UTC"));
        assert!(page.contains("data-delivery=\"d1\" data-status=\"pending\""));
    }

    #[test]
    fn a_json_body_is_laid_out_and_escaped() {
        assert_eq!(pretty("{\"b\":[1],\"a\":\"<\"}"), "{\n  \"b\": [\n    1\n  ],\n  \"a\": \"<\"\n}");
        assert_eq!(pretty("a=b"), "a=b");
    }
}
