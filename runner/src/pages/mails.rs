//! The mails this program would have sent: `/local/mail` and `/local/mail/{id}`.
//!
//! The HTML part is shown in a frame without scripts and without an origin; its links lead the
//! whole window, so that a person can go on from it as from a mail program.

use handrail_kernel::pages::{html_under, shown};
use http::{HeaderValue, Response, StatusCode};
use maud::{Markup, html};

use super::{frame, local};

/// A frame takes on the policy of the page around it, and a mail is styled by attributes: hence the
/// inline styles here, on a page that is never deployed. Forms, images and scripts stay off.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; \
    base-uri 'none'; frame-ancestors 'none'";

/// One line of the list.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MailRow<'a> {
    pub id: &'a str,
    pub to: &'a str,
    pub subject: &'a str,
    /// In UTC.
    pub at: &'a str,
}

/// One whole mail.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MailDetail<'a> {
    pub id: &'a str,
    pub to: &'a str,
    pub subject: &'a str,
    /// In UTC.
    pub at: &'a str,
    pub text: &'a str,
    /// The HTML part, as a mail program gets it.
    pub html: &'a str,
}

/// `/local/mail`. The mails come newest first.
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
                                a href={ "/local/mail/" (segment(mail.id)) } { bdi { (shown(mail.subject)) } }
                                span class="small soft" { (mail.at) }
                            }
                            p class="small soft" { "To " bdi { (shown(mail.to)) } }
                        }
                    }
                }
            }
        }
    };
    local(StatusCode::OK, "Mail", body)
}

/// `/local/mail/{id}`
#[must_use]
pub(crate) fn mail(view: &MailDetail<'_>) -> Response<String> {
    let links = links(view.text);
    let body = html! {
        div class="card" data-mail=(view.id) {
            h1 class="long" { bdi { (shown(view.subject)) } }
            dl class="facts" {
                dt { "To" }
                dd { bdi { (shown(view.to)) } }
                dt { "At" }
                dd { (view.at) }
                dt { "Id" }
                dd { code { (shown(view.id)) } }
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
                srcdoc=(leading_the_window(view.html)) {}
            h2 { "As text" }
            pre class="code" { (shown(view.text)) }
        }
        p { a href="/local/mail" { "All mail" } }
    };
    html_under(StatusCode::OK, &frame("One mail", body), HeaderValue::from_static(POLICY))
}

/// The mail's own links with a name each: the answer they preselect, or `page`. Lines that quote
/// the agent are passed over, and so is everything that is not a web address.
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

/// Without this a link would open inside the frame, where the approver's page refuses to be.
fn leading_the_window(html: &str) -> String {
    const BASE: &str = "<base target=\"_top\">";
    if html.contains("<head>") {
        return html.replacen("<head>", &format!("<head>{BASE}"), 1);
    }
    format!("{BASE}{html}")
}

/// An id as one segment of a path, whatever is in it.
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
    fn an_empty_list_says_how_to_get_a_mail() {
        let page = mails(&[]).into_body();
        assert!(page.contains("No mail yet."));
        assert!(page.contains("Ask for a decision by API"));
    }

    #[test]
    fn hostile_mails_are_listed_as_text() {
        let row = MailRow { id: "../x?\"", to: HOSTILE, subject: HOSTILE, at: "16:30 UTC" };
        let page = mails(&[row]).into_body();
        assert_harmless(&page);
        assert!(page.contains("href=\"/local/mail/%2E%2E%2Fx%3F%22\""));
        assert!(page.contains("data-mail=\"../x?&quot;\""));
    }

    #[test]
    fn a_mail_cannot_leave_its_frame() {
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
    fn own_links_can_be_followed_by_name() {
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
