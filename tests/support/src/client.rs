//! What an agent or a browser would use: HTTP, and JSON where there is any.

use http::Method;
use serde_json::Value;

#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    origin: String,
    key: Option<String>,
    key_in: KeyIn,
}

/// Where a door looks for the key.
#[derive(Clone, Copy)]
enum KeyIn {
    Authorization,
    XApiKey,
}

/// An answer with everything a test may ask about.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: http::HeaderMap,
    pub text: String,
    /// Null when the text is not JSON.
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

    /// The same key, as the packets door wants it.
    #[must_use]
    pub fn of_packets(&self) -> Self {
        Self { key_in: KeyIn::XApiKey, ..self.clone() }
    }

    #[must_use]
    pub fn with_key(&self, key: &str) -> Self {
        Self { key: Some(key.to_owned()), ..self.clone() }
    }

    /// The same key at another address.
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

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], Vec::new()).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, &[], Vec::new()).await
    }

    pub async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::PATCH, path, &[("content-type", "application/json")], body.to_string().into_bytes()).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.post_with(path, &[], body).await
    }

    pub async fn post_with(&self, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
        let mut all = vec![("content-type", "application/json")];
        all.extend(headers);
        self.send(Method::POST, path, &all, body.to_string().into_bytes()).await
    }

    /// A form of files, as a client sends them that knows each by its path alone.
    pub async fn upload(&self, path: &str, headers: &[(&str, &str)], files: &[(&str, &[u8])]) -> Answer {
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
        let kind = format!("multipart/form-data; boundary={BOUNDARY}");
        let mut all = vec![("content-type", kind.as_str())];
        all.extend(headers);
        self.send(Method::POST, path, &all, body).await
    }

    pub async fn post_form(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        let body: Vec<String> = form.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        self.send(Method::POST, path, &headers, body.join("&").into_bytes()).await
    }

    /// An answer that is read as it comes.
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

    /// `path` may be a whole address, as in a mail.
    pub async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Answer {
        self.try_send(method, path, headers, body).await.expect("the server answers")
    }

    pub async fn try_send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Result<Answer, reqwest::Error> {
        let url = if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.origin) };
        let mut request = self.http.request(method, url).body(body);
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
        Ok(Answer { status, headers, text, json })
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

impl Answer {
    /// Panics with the whole answer when the status is another one.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }

    /// A refusal in the decisions door's shape: a JSON object that says what is wrong, and this code.
    #[track_caller]
    pub fn expect_error(self, status: u16, code: &str) -> Self {
        assert_eq!((self.status, self.json["code"].as_str()), (status, Some(code)), "{}", self.text);
        let error = self.json["error"].as_str().unwrap_or_default();
        assert!(!error.is_empty() && self.header("content-type") == "application/json", "{}", self.text);
        self
    }

    /// A refusal in the packets door's shape: a JSON object with a text that says what is wrong.
    #[track_caller]
    pub fn expect_detail(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        let detail = self.json["detail"].as_str().unwrap_or_default();
        assert!(!detail.is_empty() && self.header("content-type") == "application/json", "{}", self.text);
        self
    }

    /// Empty when it is absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    #[track_caller]
    pub fn id(&self) -> String {
        self.json["id"].as_str().unwrap_or_else(|| panic!("no id in {}", self.text)).to_owned()
    }
}
