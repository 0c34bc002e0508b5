//! The frame of every page Handrail shows in a browser: layout, style and headers.
//!
//! Called by each door that answers with HTML. It guarantees that a page loads and runs nothing but what
//! it was given by name, is not stored, not framed, not indexed and leaks no address: the style sheet,
//! and a script where a page has one, are inline and named by their hashes in the policy, and so are the
//! origins of pictures where it shows any. It does not know what any page is about, and it does not decide which words are trusted: callers pass outside text through
//! [`shown`] and let `maud` escape it.

mod text;

#[cfg(test)]
mod contrast;

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{self, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use maud::{DOCTYPE, Markup, PreEscaped, html as markup};
use sha2::{Digest as _, Sha256};

pub use text::{one_line, shown};

/// The whole style sheet. Its hash is in the policy, so it must reach the page byte for byte.
const STYLE: &str = include_str!("style.css");

/// The handrail of the top bar again, as the tab's icon: the only image a page may have.
const ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24 24' \
    fill='none' stroke='%230b5964' stroke-width='2.4' stroke-linecap='round'%3E\
    %3Cpath d='M2 9 22 5M6 8.5V20M12 7.3V20M18 6.1V20'/%3E%3C/svg%3E";

/// One page, ready to be framed by [`html`].
#[derive(Debug)]
pub struct Page<'a> {
    title: &'a str,
    lang: &'a str,
    bar: Markup,
    wide: bool,
    body: Markup,
    script: Option<&'static str>,
    pictures_from: Vec<String>,
}

impl<'a> Page<'a> {
    /// A page in English, in a narrow column. The body brings the one `h1`.
    #[must_use]
    pub fn new(title: &'a str, body: Markup) -> Self {
        Page { title, lang: "en", bar: markup! {}, wide: false, body, script: None, pictures_from: Vec::new() }
    }

    /// The language of the words around the outside text, as a BCP 47 tag.
    #[must_use]
    pub fn lang(mut self, lang: &'a str) -> Self {
        self.lang = lang;
        self
    }

    /// What stands beside the name in the top bar: whom the page is for, or a `nav`.
    #[must_use]
    pub fn bar(mut self, bar: Markup) -> Self {
        self.bar = bar;
        self
    }

    /// A wide column, for lists.
    #[must_use]
    pub fn wide(mut self) -> Self {
        self.wide = true;
        self
    }

    /// A script of ours. The page must work wholly without it.
    #[must_use]
    pub fn script(mut self, script: &'static str) -> Self {
        self.script = Some(script);
        self
    }

    /// The only origins, such as `https://example.com:8443`, that pictures on this page may come from.
    #[must_use]
    pub fn pictures_from(mut self, origins: Vec<String>) -> Self {
        self.pictures_from = origins;
        self
    }

    fn policy(&self) -> HeaderValue {
        let mut images = "data:".to_owned();
        // What could open a directive of its own is no origin.
        for origin in self.pictures_from.iter().filter(|origin| !origin.contains([' ', ';', ',', '\'', '*'])) {
            images.push(' ');
            images.push_str(origin);
        }
        let script = self.script.map(|script| format!("script-src {}; ", hash_of(script))).unwrap_or_default();
        let policy = format!(
            "default-src 'none'; {script}style-src {}; img-src {images}; form-action 'self'; base-uri 'none'; \
             frame-ancestors 'none'",
            STYLE_HASH.as_str()
        );
        // Should it ever fail to be a header, the page loses its style and keeps its walls.
        HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static(
            "default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        ))
    }

    fn render(&self) -> String {
        markup! {
            (DOCTYPE)
            html lang=(self.lang) {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    title { (self.title) " · Handrail" }
                    link rel="icon" href=(ICON);
                    style { (PreEscaped(STYLE)) }
                }
                body class=[self.wide.then_some("wide")] {
                    header class="bar" {
                        span class="name" { (rail()) "Handrail" }
                        (self.bar)
                    }
                    main { (self.body) }
                    footer class="foot" {
                        "Handrail: the desk where AI agents hand work to people."
                    }
                    @if let Some(script) = self.script {
                        script { (PreEscaped(script)) }
                    }
                }
            }
        }
        .into_string()
    }
}

/// The page as an answer, under the policy that every page of a deployed door has.
#[must_use]
pub fn html(status: StatusCode, page: &Page<'_>) -> Response<String> {
    html_under(status, page, page.policy())
}

/// The page as an answer under a policy of the caller's own. Only for pages that are never
/// deployed: everything else goes through [`html`].
#[must_use]
pub fn html_under(status: StatusCode, page: &Page<'_>, policy: HeaderValue) -> Response<String> {
    let mut response = Response::new(page.render());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in FIXED {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    response
}

const FIXED: [(HeaderName, &str); 5] = [
    (header::CONTENT_TYPE, "text/html; charset=utf-8"),
    (header::CACHE_CONTROL, "no-store"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (HeaderName::from_static("x-robots-tag"), "noindex"),
];

static STYLE_HASH: LazyLock<String> = LazyLock::new(|| hash_of(STYLE));

/// As a source in a policy.
fn hash_of(text: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)))
}

fn rail() -> Markup {
    markup! {
        svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2.4"
            stroke-linecap="round" aria-hidden="true" {
            path d="M2 9 22 5M6 8.5V20M12 7.3V20M18 6.1V20";
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page() -> Response<String> {
        let body = markup! { h1 { "A <b>title</b>" } };
        html(StatusCode::GONE, &Page::new("A </title><script>", body).lang("de"))
    }

    #[test]
    fn carries_every_header() {
        let response = page();
        assert_eq!(response.status(), StatusCode::GONE);
        let get = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(get("content-type"), "text/html; charset=utf-8");
        assert_eq!(get("cache-control"), "no-store");
        assert_eq!(get("referrer-policy"), "no-referrer");
        assert_eq!(get("x-content-type-options"), "nosniff");
        assert_eq!(get("x-robots-tag"), "noindex");
        let policy = get("content-security-policy");
        for part in ["default-src 'none'", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'"] {
            assert!(policy.contains(part), "{part} is missing in {policy}");
        }
        assert!(!policy.contains("unsafe"));
    }

    #[test]
    fn the_policy_names_the_style_that_is_on_the_page() {
        let response = page();
        let body = response.body();
        let style = body.split("<style>").nth(1).unwrap().split("</style>").next().unwrap();
        let hash = STANDARD.encode(Sha256::digest(style));
        let policy = response.headers()["content-security-policy"].to_str().unwrap();
        assert!(policy.contains(&format!("style-src 'sha256-{hash}'")));
    }

    #[test]
    fn a_script_and_pictures_are_named_in_the_policy_of_their_page_alone() {
        let origins = vec!["https://a.example:8443".to_owned(), "https://b.example; script-src *".to_owned()];
        let page = Page::new("x", markup! { h1 { "x" } }).script("void 0").pictures_from(origins);
        let response = html(StatusCode::OK, &page);
        assert!(response.body().contains("<script>void 0</script>"));
        let policy = response.headers()["content-security-policy"].to_str().unwrap();
        assert!(policy.contains(&format!("script-src {};", hash_of("void 0"))), "{policy}");
        assert!(policy.contains("img-src data: https://a.example:8443;") && !policy.contains('*'), "{policy}");
        assert_eq!(policy.matches("script-src").count(), 1);

        let plain = html(StatusCode::OK, &Page::new("x", markup! { h1 { "x" } }));
        let policy = plain.headers()["content-security-policy"].to_str().unwrap();
        assert!(!policy.contains("script-src") && policy.contains("img-src data:;"), "{policy}");
    }

    #[test]
    fn the_frame_is_sound() {
        let response = page();
        let body = response.body();
        assert!(body.starts_with("<!DOCTYPE html><html lang=\"de\">"));
        assert!(body.contains("<title>A &lt;/title&gt;&lt;script&gt; · Handrail</title>"));
        for landmark in ["<header", "<main>", "<footer"] {
            assert_eq!(body.matches(landmark).count(), 1, "{landmark}");
        }
        for never in ["<script", "javascript:", " style=", "@import", "url("] {
            assert!(!body.contains(never), "{never}");
        }
    }
}
