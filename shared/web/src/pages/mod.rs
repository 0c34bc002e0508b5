//! Frame of all HTML pages: layout, style and headers.
//!
//! Used by each door that responds with HTML. A page is not stored, framed or indexed, sends no referrer, and loads
//! only what its content security policy lists: the inline style sheet and script by their hashes, and the origins of
//! images. Callers pass outside text through [`visible_text`] and let `maud` escape it.

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

pub use text::{one_line, visible_text};

/// Style sheet of all pages. Its hash is in the policy, so the page must contain it unchanged.
const STYLE: &str = include_str!("style.css");

/// Icon of the browser tab, the same drawing as [`logo`].
const ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24 24' \
    fill='none' stroke='%230b5964' stroke-width='2.4' stroke-linecap='round'%3E\
    %3Cpath d='M2 9 22 5M6 8.5V20M12 7.3V20M18 6.1V20'/%3E%3C/svg%3E";

/// Content of a page, rendered by [`html_response`].
#[derive(Debug)]
pub struct HtmlPage<'a> {
    title: &'a str,
    lang: &'a str,
    top_bar: Markup,
    is_wide: bool,
    body: Markup,
    script: Option<&'static str>,
    image_origins: Vec<String>,
}

impl<'a> HtmlPage<'a> {
    /// Creates a page in English with a narrow column. The body must contain the only `h1`.
    #[must_use]
    pub fn new(title: &'a str, body: Markup) -> Self {
        HtmlPage {
            title,
            lang: "en",
            top_bar: markup! {},
            is_wide: false,
            body,
            script: None,
            image_origins: Vec::new(),
        }
    }

    /// Sets the language of the page's own text, as a BCP 47 tag.
    #[must_use]
    pub fn lang(mut self, lang: &'a str) -> Self {
        self.lang = lang;
        self
    }

    /// Sets the content of the top bar beside the product name, such as the person's address or a `nav`.
    #[must_use]
    pub fn top_bar(mut self, bar: Markup) -> Self {
        self.top_bar = bar;
        self
    }

    /// Makes the column wide, for lists.
    #[must_use]
    pub fn wide(mut self) -> Self {
        self.is_wide = true;
        self
    }

    /// Adds a script of ours. The page must work without the script as well.
    #[must_use]
    pub fn script(mut self, script: &'static str) -> Self {
        self.script = Some(script);
        self
    }

    /// Sets the origins that images may come from, such as `https://example.com:8443`.
    #[must_use]
    pub fn image_origins(mut self, origins: Vec<String>) -> Self {
        self.image_origins = origins;
        self
    }

    fn content_security_policy(&self) -> HeaderValue {
        let mut images = "data:".to_owned();
        // Skips any text that could begin another directive.
        for origin in self.image_origins.iter().filter(|origin| !origin.contains([' ', ';', ',', '\'', '*'])) {
            images.push(' ');
            images.push_str(origin);
        }
        let script = self.script.map(|script| format!("script-src {}; ", csp_hash(script))).unwrap_or_default();
        let policy = format!(
            "default-src 'none'; {script}style-src {}; img-src {images}; form-action 'self'; base-uri 'none'; \
             frame-ancestors 'none'",
            STYLE_HASH.as_str()
        );
        // If the policy were not a valid header, the page would lose its style but stay protected.
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
                body class=[self.is_wide.then_some("wide")] {
                    header class="bar" {
                        span class="name" { (logo()) "Handrail" }
                        (self.top_bar)
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

/// Renders a page as a response with the content security policy of all deployed pages.
#[must_use]
pub fn html_response(status: StatusCode, page: &HtmlPage<'_>) -> Response<String> {
    html_response_with_policy(status, page, page.content_security_policy())
}

/// Renders a page as a response with the caller's own policy. Only for pages that are never deployed; all others use
/// [`html_response`].
#[must_use]
pub fn html_response_with_policy(status: StatusCode, page: &HtmlPage<'_>, policy: HeaderValue) -> Response<String> {
    let mut response = Response::new(page.render());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in FIXED_HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    response
}

const FIXED_HEADERS: [(HeaderName, &str); 5] = [
    (header::CONTENT_TYPE, "text/html; charset=utf-8"),
    (header::CACHE_CONTROL, "no-store"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (HeaderName::from_static("x-robots-tag"), "noindex"),
];

static STYLE_HASH: LazyLock<String> = LazyLock::new(|| csp_hash(STYLE));

/// Formats the hash of an inline text as a source of the policy.
fn csp_hash(text: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)))
}

fn logo() -> Markup {
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
        html_response(StatusCode::GONE, &HtmlPage::new("A </title><script>", body).lang("de"))
    }

    #[test]
    fn html_page_has_every_security_header() {
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
    fn policy_contains_hash_of_style_sheet() {
        let response = page();
        let body = response.body();
        let style = body.split("<style>").nth(1).unwrap().split("</style>").next().unwrap();
        let hash = STANDARD.encode(Sha256::digest(style));
        let policy = response.headers()["content-security-policy"].to_str().unwrap();
        assert!(policy.contains(&format!("style-src 'sha256-{hash}'")));
    }

    #[test]
    fn policy_allows_only_page_script_and_images() {
        let origins = vec!["https://a.example:8443".to_owned(), "https://b.example; script-src *".to_owned()];
        let page = HtmlPage::new("x", markup! { h1 { "x" } }).script("void 0").image_origins(origins);
        let response = html_response(StatusCode::OK, &page);
        assert!(response.body().contains("<script>void 0</script>"));
        let policy = response.headers()["content-security-policy"].to_str().unwrap();
        assert!(policy.contains(&format!("script-src {};", csp_hash("void 0"))), "{policy}");
        assert!(policy.contains("img-src data: https://a.example:8443;") && !policy.contains('*'), "{policy}");
        assert_eq!(policy.matches("script-src").count(), 1);

        let plain = html_response(StatusCode::OK, &HtmlPage::new("x", markup! { h1 { "x" } }));
        let policy = plain.headers()["content-security-policy"].to_str().unwrap();
        assert!(!policy.contains("script-src") && policy.contains("img-src data:;"), "{policy}");
    }

    #[test]
    fn page_layout_is_valid_html() {
        let response = page();
        let body = response.body();
        assert!(body.starts_with("<!DOCTYPE html><html lang=\"de\">"));
        assert!(body.contains("<title>A &lt;/title&gt;&lt;script&gt; · Handrail</title>"));
        for landmark in ["<header", "<main>", "<footer"] {
            assert_eq!(body.matches(landmark).count(), 1, "{landmark}");
        }
        for forbidden in ["<script", "javascript:", " style=", "@import", "url("] {
            assert!(!body.contains(forbidden), "{forbidden}");
        }
    }
}
