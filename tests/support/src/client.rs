//! HTTP client of the tests, as an agent or a browser would use.

use http::Method;
use serde_json::Value;

use crate::documented::{Exchange, check_exchange};

#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    origin: String,
    key: Option<String>,
    key_in: KeyIn,
}

/// Header in which the client sends its API key.
#[derive(Clone, Copy)]
enum KeyIn {
    Authorization,
    XApiKey,
}

/// HTTP response with its body read completely.
#[derive(Clone, Debug)]
pub struct TestResponse {
    pub status: u16,
    pub headers: http::HeaderMap,
    pub text: String,
    /// `Null` if the body is not JSON.
    pub json: Value,
}

impl Client {
    pub(crate) fn new(origin: &str) -> Self {
        let builder = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy();
        Self {
            http: builder.build().expect("a client can be built"),
            origin: origin.to_owned(),
            key: None,
            key_in: KeyIn::Authorization,
        }
    }

    /// Returns this client with its API key in `X-API-Key`, as the packets door requires.
    #[must_use]
    pub fn of_packets(&self) -> Self {
        Self { key_in: KeyIn::XApiKey, ..self.clone() }
    }

    #[must_use]
    pub fn with_key(&self, key: &str) -> Self {
        Self { key: Some(key.to_owned()), ..self.clone() }
    }

    /// Returns this client with another origin.
    pub(crate) fn at(&self, origin: &str) -> Self {
        Self { origin: origin.to_owned(), ..self.clone() }
    }

    pub fn key(&self) -> &str {
        self.key.as_deref().unwrap_or_default()
    }

    #[must_use]
    pub fn without_key(&self) -> Self {
        Self { key: None, ..self.clone() }
    }

    pub async fn get(&self, path: &str) -> TestResponse {
        self.send(Method::GET, path, &[], Vec::new()).await
    }

    pub async fn delete(&self, path: &str) -> TestResponse {
        self.send(Method::DELETE, path, &[], Vec::new()).await
    }

    pub async fn patch(&self, path: &str, body: &Value) -> TestResponse {
        self.send(Method::PATCH, path, &[("content-type", "application/json")], body.to_string().into_bytes()).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> TestResponse {
        self.post_with(path, &[], body).await
    }

    pub async fn post_with(&self, path: &str, headers: &[(&str, &str)], body: &Value) -> TestResponse {
        let mut all_headers = vec![("content-type", "application/json")];
        all_headers.extend(headers);
        self.send(Method::POST, path, &all_headers, body.to_string().into_bytes()).await
    }

    /// Posts a multipart form of files with the default content type, as a client that does not know their types.
    pub async fn upload(&self, path: &str, headers: &[(&str, &str)], files: &[(&str, &[u8])]) -> TestResponse {
        const BOUNDARY: &str = "b0undary-of-the-tests";
        let mut body = Vec::new();
        for (name, bytes) in files {
            let head = format!(
                "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
                 Content-Type: application/octet-stream\r\n\r\n"
            );
            body.extend_from_slice(head.as_bytes());
            body.extend_from_slice(bytes);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
        let content_type = format!("multipart/form-data; boundary={BOUNDARY}");
        let mut all_headers = vec![("content-type", content_type.as_str())];
        all_headers.extend(headers);
        self.send(Method::POST, path, &all_headers, body).await
    }

    pub async fn post_form(&self, path: &str, form: &[(&str, &str)]) -> TestResponse {
        let body: Vec<String> = form.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        self.send(Method::POST, path, &headers, body.join("&").into_bytes()).await
    }

    /// Sends a GET request and returns the response before its body is read.
    pub(crate) async fn open(&self, path: &str, headers: &[(&str, &str)]) -> reqwest::Response {
        let mut request = self.http.get(format!("{}{path}", self.origin));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.expect("the server answers")
    }

    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Sends a request. `path` may be a full URL, for example a link from a mail.
    pub async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> TestResponse {
        self.try_send(method, path, headers, body).await.expect("the server answers")
    }

    pub async fn try_send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Result<TestResponse, reqwest::Error> {
        let url = if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.origin) };
        let mut request = self.http.request(method.clone(), &url).body(body.clone());
        if let Some(key) = &self.key {
            request = match self.key_in {
                KeyIn::Authorization => request.bearer_auth(key),
                KeyIn::XApiKey => request.header("x-api-key", key),
            };
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await?;
        let json = serde_json::from_str(&text).unwrap_or(Value::Null);
        if url.starts_with(&self.origin) {
            let exchange = Exchange {
                method: &method,
                url: &url,
                body: &body,
                status,
                headers: &headers,
                text: &text,
                json: &json,
            };
            check_exchange(&exchange);
        }
        Ok(TestResponse { status, headers, text, json })
    }
}

fn escaped(value: &str) -> String {
    value
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

impl TestResponse {
    /// Panics with the response body if the status differs.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }

    /// Asserts an error of the decisions door: this status and `code`, and an `error` text.
    #[track_caller]
    pub fn expect_error(self, status: u16, code: &str) -> Self {
        assert_eq!((self.status, self.json["code"].as_str()), (status, Some(code)), "{}", self.text);
        let error = self.json["error"].as_str().unwrap_or_default();
        assert!(!error.is_empty() && self.header("content-type") == "application/json", "{}", self.text);
        self
    }

    /// Asserts an error of the packets door: this status and a `detail` text.
    #[track_caller]
    pub fn expect_detail(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        let detail = self.json["detail"].as_str().unwrap_or_default();
        assert!(!detail.is_empty() && self.header("content-type") == "application/json", "{}", self.text);
        self
    }

    /// Returns an empty string if the header is absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    #[track_caller]
    pub fn id(&self) -> String {
        self.json["id"].as_str().unwrap_or_else(|| panic!("no id in {}", self.text)).to_owned()
    }
}
