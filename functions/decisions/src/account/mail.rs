//! The mail with the sign-in link.

use handrail_web::pages::one_line;
use maud::{DOCTYPE, html};

use handrail_access::sign_in::SignInMail;
use handrail_approvals::mail::RenderedMail;

const NAME_CHARS_MAX: usize = 100;
const SUBJECT: &str = "Sign in to Handrail";
const LINK_SAFETY_NOTE: &str = "Opening the link does not sign you in: the page has a button for that. It works once.";
const FORWARDING_WARNING: &str = "Whoever holds this link can sign in as you, so do not forward this mail.";
const UNREQUESTED_NOTE: &str = "If you did not ask for it, you need not do anything.";

pub(super) fn render(view: &SignInMail) -> RenderedMail {
    let name = one_line(&view.name, NAME_CHARS_MAX);
    let greeting = format!("Hello {name}, here is your link. It works until {}.", view.valid_until);
    let text = format!(
        "{greeting}\n\n{}\n\n{LINK_SAFETY_NOTE}\n{FORWARDING_WARNING}\n{UNREQUESTED_NOTE}\n\n-- \nHandrail: the desk where AI agents hand work to people\n",
        view.link
    );
    let body = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (SUBJECT) }
            }
            body style="margin:0;padding:16px;background:#f4f5f7;" {
                div style={
                    "max-width:600px;margin:0 auto;padding:24px;background:#ffffff;border:1px solid #d9dee5;border-radius:12px;"
                    "font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;font-size:16px;line-height:1.5;color:#17202b;"
                } {
                    p style="margin:0 0 16px;color:#0b5964;font-weight:bold;" { "Handrail" }
                    h1 style="margin:0 0 8px;font-size:22px;line-height:1.25;" { (SUBJECT) }
                    p { bdi { (greeting) } }
                    p {
                        a href=(view.link) style={
                            "display:inline-block;padding:12px 22px;border-radius:8px;color:#ffffff;font-weight:bold;"
                            "text-decoration:none;background:#12623a;"
                        } { "Sign in…" }
                    }
                    p style="word-break:break-all;" { "Or open: " a href=(view.link) style="color:#0b5964;" { (view.link) } }
                    @for note in [LINK_SAFETY_NOTE, FORWARDING_WARNING, UNREQUESTED_NOTE] {
                        p style="margin:0 0 8px;color:#4d5967;font-size:14px;" { (note) }
                    }
                }
            }
        }
    };
    RenderedMail { subject: SUBJECT.to_owned(), text, html: body.into_string() }
}

#[cfg(test)]
mod tests {
    use handrail_domain::text::EmailAddress;

    use super::*;

    #[test]
    fn login_mail_escapes_name_and_has_one_link() {
        let link = "https://handrail.example/auth/login/token";
        let mail = render(&SignInMail {
            to: EmailAddress::parse("you@example.com").unwrap(),
            name: "<b>Ann</b>\r\nBcc: eve@example.com https://evil.example".to_owned(),
            link: link.to_owned(),
            valid_until: "noon".to_owned(),
        });
        assert_eq!(mail.subject, SUBJECT);
        assert!(mail.text.contains(link) && mail.text.contains("noon") && !mail.text.contains("\r\nBcc"));
        assert_eq!(mail.html.matches("href=").count(), 2);
        assert_eq!(mail.html.matches(&format!("href=\"{link}\"")).count(), 2);
        assert!(!mail.html.contains("<b>Ann"));
    }
}
