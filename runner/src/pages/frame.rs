//! Frame of the local pages, with the links between them.

use handrail_web::pages::{HtmlPage, html_response as respond};
use http::{Response, StatusCode};
use maud::{Markup, html};

pub(super) fn local(status: StatusCode, title: &str, body: Markup) -> Response<String> {
    respond(status, &frame(title, body))
}

pub(super) fn frame(title: &str, body: Markup) -> HtmlPage<'_> {
    let bar = html! {
        nav aria-label="This machine" {
            a href="/" { "Start" }
            a href="/local/mail" { "Mail" }
            a href="/local/hooks" { "Webhooks" }
        }
    };
    HtmlPage::new(title, body).top_bar(bar).wide()
}
