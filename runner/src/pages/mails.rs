//! Pages of stored mails: `/local/mail` and `/local/mail/{id}`.
//!
//! The HTML part is shown in a frame without scripts and without an origin; its links open in the whole window, as from
//! a mail program.

use handrail_web::pages::{html_response_with_policy, visible_text};
use http::{HeaderValue, Response, StatusCode};
use maud::{Markup, html};

use super::frame::{frame, local};

/// CSP of the mail page. The frame inherits it and mails use inline styles, so these are allowed; forms, external
/// images and scripts are not.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; \
    base-uri 'none'; frame-ancestors 'none'";

/// Mail in the list.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MailRow<'a> {
    pub id: &'a str,
    pub to: &'a str,
    pub subject: &'a str,
    /// Time in UTC.
    pub at: &'a str,
}

/// Mail with its texts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MailDetail<'a> {
    pub id: &'a str,
    pub to: &'a str,
    pub subject: &'a str,
    /// Time in UTC.
    pub at: &'a str,
    pub text: &'a str,
    /// HTML part of the mail.
    pub html: &'a str,
}

/// Renders `/local/mail`. `mails` is sorted, newest first.
#[must_use]
pub(crate) fn mails(mails: &[MailRow<'_>]) -> Response<String> {
    let body = html! {
        div class="card" {
            h1 { "Mail" }
            @if mails.is_empty() {
                div class="empty" {
                    p { "No mail yet." }
                    p { "Ask for a decision by API, and the mail to its approver is kept here. The " a href="/" { "first page" } " has a command to try." }
                }
            } @else {
                p class="soft" { "Kept here instead of being sent. Newest first." }
                ul class="rows" {
                    @for mail in mails {
                        li data-mail=(mail.id) {
                            p class="row" {
                                a href={ "/local/mail/" (segment(mail.id)) } { bdi { (visible_text(mail.subject)) } }
                                span class="small soft" { (mail.at) }
                            }
                            p class="small soft" { "To " bdi { (visible_text(mail.to)) } }
                        }
                    }
                }
            }
        }
    };
    local(StatusCode::OK, "Mail", body)
}

/// Renders `/local/mail/{id}`.
#[must_use]
pub(crate) fn mail(view: &MailDetail<'_>) -> Response<String> {
    let links = links(view.text);
    let body = html! {
        div class="card" data-mail=(view.id) {
            h1 class="long" { bdi { (visible_text(view.subject)) } }
            dl class="facts" {
                dt { "To" }
                dd { bdi { (visible_text(view.to)) } }
                dt { "At" }
                dd { (view.at) }
                dt { "Id" }
                dd { code { (visible_text(view.id)) } }
            }
            @if !links.is_empty() {
                h2 { "Links" }
                ul class="links" {
                    @for (name, href) in &links {
                        li { a href=(href) data-link=(name) { (label(name)) } }
                    }
                }
            }
            h2 { "As HTML" }
            iframe title="The HTML part of the mail"
                sandbox="allow-popups allow-popups-to-escape-sandbox allow-top-navigation-by-user-activation"
                srcdoc=(with_top_target(view.html)) {}
            h2 { "As text" }
            pre class="code" { (visible_text(view.text)) }
        }
        p { a href="/local/mail" { "All mail" } }
    };
    html_response_with_policy(StatusCode::OK, &frame("One mail", body), HeaderValue::from_static(POLICY))
}

/// Returns the mail's links with the answer that each preselects, or `page`. Skips quoted lines, which hold the agent's
/// text.
fn links(text: &str) -> Vec<(&str, &str)> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.starts_with('>') && !line.contains(char::is_whitespace))
        .filter(|line| line.starts_with("http://") || line.starts_with("https://"))
        .map(|href| (href.rsplit_once("?a=").map_or("page", |(_, choice)| choice), href))
        .collect()
}

fn label(name: &str) -> Markup {
    match name {
        "page" => html! { "Open the page" },
        "approve" => html! { "Approve…" },
        "deny" => html! { "Deny…" },
        "modify" => html! { "Modify…" },
        other => html! { (other) },
    }
}

/// Makes links open in the whole window, because the approver's page refuses to be framed.
fn with_top_target(html: &str) -> String {
    const BASE: &str = "<base target=\"_top\">";
    if html.contains("<head>") {
        return html.replacen("<head>", &format!("<head>{BASE}"), 1);
    }
    format!("{BASE}{html}")
}

/// Percent-encodes an id as a path segment.
fn segment(id: &str) -> String {
    let mut out = String::new();
    for byte in id.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::tests::{HOSTILE, assert_harmless};
    use super::*;

    fn detail<'a>(text: &'a str, html: &'a str) -> MailDetail<'a> {
        MailDetail { id: "m1", to: "maria@example.com", subject: "s", at: "16:30 UTC", text, html }
    }

    #[test]
    fn empty_list_explains_how_to_get_mail() {
        let page = mails(&[]).into_body();
        assert!(page.contains("No mail yet."));
        assert!(page.contains("Ask for a decision by API"));
    }

    #[test]
    fn hostile_mails_are_escaped_in_list() {
        let row = MailRow { id: "../x?\"", to: HOSTILE, subject: HOSTILE, at: "16:30 UTC" };
        let page = mails(&[row]).into_body();
        assert_harmless(&page);
        assert!(page.contains("href=\"/local/mail/%2E%2E%2Fx%3F%22\""));
        assert!(page.contains("data-mail=\"../x?&quot;\""));
    }

    #[test]
    fn mail_cannot_leave_its_frame() {
        let html = "<html><head></head><body>\"></iframe><script>x</script></body></html>";
        let view = MailDetail { to: HOSTILE, subject: HOSTILE, ..detail(HOSTILE, html) };
        let response = mail(&view);
        assert_harmless(response.body());
        let page = response.body();
        assert!(page.contains("srcdoc=\"&lt;html&gt;&lt;head&gt;&lt;base target=&quot;_top&quot;&gt;&lt;/head&gt;"));
        let sandbox = page.split("sandbox=\"").nth(1).unwrap().split('"').next().unwrap();
        assert!(!sandbox.contains("allow-scripts") && !sandbox.contains("allow-same-origin"));
        let policy = response.headers()["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none';") && !policy.contains("script-src"));
    }

    #[test]
    fn own_links_are_listed_by_name() {
        let text = "Your page:\nhttps://d.example/d/t\n\nApprove:\nhttps://d.example/d/t?a=approve\n\
            > https://evil.example/\nsee https://evil.example/\njavascript:alert(1)\n";
        let page = mail(&detail(text, "<p>x</p>")).into_body();
        assert!(page.contains("<a href=\"https://d.example/d/t\" data-link=\"page\">"));
        assert!(page.contains("<a href=\"https://d.example/d/t?a=approve\" data-link=\"approve\">"));
        assert_eq!(page.matches("data-link=").count(), 2);
        assert!(!page.contains("href=\"https://evil"));
        assert!(!page.contains("href=\"javascript:"));
    }
}
