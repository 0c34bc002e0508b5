//! Page of callbacks, webhook deliveries and calls of the test receiver: `/local/hooks`.

use handrail_web::pages::visible_text;
use http::{Response, StatusCode};
use maud::{Markup, html};
use serde_json::Value;

use super::frame::local;

/// Data of the page, each list newest first.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hooks<'a> {
    /// Origin of this server, for the URL of the test receiver.
    pub address: &'a str,
    pub deliveries: &'a [Delivery<'a>],
    pub received: &'a [Call<'a>],
}

/// Callback or webhook delivery.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Delivery<'a> {
    pub id: &'a str,
    pub url: &'a str,
    pub event: &'a str,
    /// Status as shown: `pending`, `delivered` or `failed`.
    pub status: &'a str,
    pub attempts: &'a [Attempt<'a>],
    /// Time of the next attempt in UTC, if there is one.
    pub next_try: Option<&'a str>,
}

/// Delivery attempt.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attempt<'a> {
    /// Time in UTC.
    pub at: &'a str,
    /// HTTP status, or the error.
    pub result: Result<u16, &'a str>,
}

/// Call received at `/local/hooks/in/{name}`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call<'a> {
    /// Time in UTC.
    pub at: &'a str,
    pub name: &'a str,
    pub headers: &'a [(&'a str, &'a str)],
    pub body: &'a str,
}

/// Renders `/local/hooks`.
#[must_use]
pub(crate) fn hooks(view: &Hooks<'_>) -> Response<String> {
    let body = html! {
        div class="card" {
            h1 { "Webhooks" }
            h2 id="sent" { "Sent" }
            @if view.deliveries.is_empty() {
                div class="empty" {
                    p { "Nothing was sent yet." }
                    p { "Create a decision with a callback_url and answer it, or create a webhook and a packet: the delivery and its attempts are listed here." }
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
                    p { "Use " code { (view.address) "/local/hooks/in/demo" } " as a callback_url, and its calls are listed here. Any name can follow " code { "in/" } "." }
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
                span { strong { (visible_text(delivery.event)) } " to " code { (visible_text(delivery.url)) } }
                span class=(chip_class(delivery.status)) { (visible_text(delivery.status)) }
            }
            p class="small soft" {
                code { (visible_text(delivery.id)) }
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
                                Err(error) => { (visible_text(error)) }
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
                strong { (visible_text(call.name)) }
                span class="small soft" { (call.at) }
            }
            details {
                summary { "Headers (" (call.headers.len()) ")" }
                pre class="code box" tabindex="0" role="group" aria-label="Headers" {
                    @for (name, value) in call.headers { (visible_text(name)) ": " (visible_text(value)) "\n" }
                }
            }
            pre class="code box" tabindex="0" role="group" aria-label="Body" { (visible_text(&pretty(call.body))) }
        }
    }
}

fn chip_class(status: &str) -> &'static str {
    match status {
        "delivered" => "chip yes",
        "failed" | "dead" | "exhausted" => "chip no",
        _ => "chip mid",
    }
}

/// Indents JSON, and returns other text unchanged.
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
    fn empty_lists_explain_how_to_fill_them() {
        let page = hooks(&Hooks { address: "http://127.0.0.1:8080", deliveries: &[], received: &[] }).into_body();
        assert!(page.contains("Nothing was sent yet."));
        assert!(page.contains("<code>http://127.0.0.1:8080/local/hooks/in/demo</code>"));
    }

    #[test]
    fn hostile_calls_are_escaped() {
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
    fn json_body_is_indented() {
        assert_eq!(pretty("{\"b\":[1],\"a\":\"<\"}"), "{\n  \"b\": [\n    1\n  ],\n  \"a\": \"<\"\n}");
        assert_eq!(pretty("a=b"), "a=b");
    }
}
