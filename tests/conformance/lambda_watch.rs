//! The Lambda functions under `cargo lambda watch`, on DynamoDB Local, with the workers of `handrail workers`.
//! docs/lambda-on-a-laptop.md has the same setup by hand.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::programs::{Program, TIMEOUT};
use crate::tools::{Emulator, root, tool};
use crate::webhooks::verify;

/// Local installation with functions, workers and DynamoDB Local running.
struct Laptop {
    environment: Vec<(&'static str, String)>,
    http: reqwest::Client,
    origin: String,
    workers: Option<Program>,
    workers_port: u16,
    /// Origin of the workers' local pages.
    local: String,
    watch: Program,
    key: String,
    _db: Emulator,
}

#[tokio::test]
#[cfg_attr(not(with_tools), ignore = "needs outside tools: run ./check")]
async fn functions_work_under_cargo_lambda_watch() {
    let mut laptop = Laptop::start().await;
    api_key_is_required(&laptop).await;
    let agent = create_agent_key(&laptop).await;
    approval_reaches_signed_callback(&mut laptop, &agent).await;
    decision_is_answered_by_api(&laptop, &agent).await;
    revoked_key_is_refused(&laptop, &agent).await;
    decision_expires_at_deadline(&laptop).await;
}

impl Laptop {
    async fn start() -> Self {
        let (cargo_lambda, db) = (tool("bin/cargo-lambda"), Emulator::start("dynamodb-local"));
        // Builds all functions at once; `cargo lambda watch` would build each at its first call.
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--locked", "--bins", "--features", "handrail-runner/external-table"]);
        let build_status = outside_of_cargo(&mut build).status();
        assert!(build_status.unwrap().success(), "the functions can't be built");
        let (port, workers_port) = (free_port(), free_port());
        let origin = format!("http://127.0.0.1:{port}");
        let environment = vec![
            ("AWS_ENDPOINT_URL_DYNAMODB", db.url.clone()),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", "local".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "local".to_owned()),
            ("HANDRAIL_TABLE", "handrail".to_owned()),
            ("HANDRAIL_MASTER_KEY", "only for this laptop: 0123456789abcdef".to_owned()),
            ("HANDRAIL_ORIGIN", origin.clone()),
            ("HANDRAIL_FUNCTION", "all".to_owned()),
            ("HANDRAIL_CALLBACKS", "loopback".to_owned()),
            // Functions with file access do not start without a bucket, although this test uploads none.
            ("HANDRAIL_FILES_BUCKET", "handrail-files".to_owned()),
        ];
        let output = handrail(&environment, &["table", "create"]);
        // On a slow machine the SDK retries and finds the table that it created itself.
        assert!(output == "Made the table handrail." || output == "The table handrail was there already.", "{output}");
        assert_eq!(handrail(&environment, &["table", "create"]), "The table handrail was there already.");
        let key = handrail(&environment, &["key", "create", "--name", "Laptop"]);

        let mut watch = Command::new(cargo_lambda);
        watch.args(["lambda", "watch", "--ignore-changes", "--offline", "--locked"]);
        watch.args(["--invoke-address", "127.0.0.1", "--invoke-port", &port.to_string()]);
        let mut watch = Program::start(outside_of_cargo(&mut watch).envs(environment.iter().cloned()));
        watch.expect(|line| line.contains("starting Runtime server").then_some(())).await;
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().timeout(TIMEOUT);
        let mut laptop = Self {
            environment,
            http: http.build().unwrap(),
            origin,
            workers: None,
            workers_port,
            local: format!("http://127.0.0.1:{workers_port}"),
            watch,
            key,
            _db: db,
        };
        laptop.wait_until_listening().await;
        laptop.start_workers().await;
        laptop
    }

    /// Waits until the port is open: the log line comes a moment earlier.
    async fn wait_until_listening(&self) {
        let listening = tokio::time::timeout(TIMEOUT, async {
            while self.http.get(format!("{}/healthz", self.origin)).send().await.is_err() {
                tokio::task::yield_now().await;
            }
        });
        assert!(listening.await.is_ok(), "{}", self.watch.printed());
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> (u16, reqwest::header::HeaderMap, String) {
        let answer = request.send().await;
        let answer = answer.unwrap_or_else(|error| panic!("{error}:\n{}", self.watch.printed()));
        (answer.status().as_u16(), answer.headers().clone(), answer.text().await.unwrap())
    }

    /// Calls the API, asserts the status, and returns the JSON body.
    #[track_caller]
    fn call(&self, method: &str, path: &str, key: &str, body: &Value, status: u16) -> impl Future<Output = Value> {
        let location = std::panic::Location::caller();
        let request = self.http.request(method.parse().unwrap(), format!("{}{path}", self.origin)).bearer_auth(key);
        let request = if body.is_null() { request } else { request.json(body) };
        async move {
            let (actual, _, text) = self.send(request).await;
            assert_eq!(actual, status, "{location}: {text}");
            serde_json::from_str(&text).unwrap()
        }
    }

    async fn create_decision(&self, key: &str, fields: Value) -> Value {
        let mut body = json!({"action": "Refund order 1234", "approver": "ann@example.com"});
        for (name, value) in fields.as_object().unwrap() {
            body[name] = value.clone();
        }
        self.call("POST", "/decisions", key, &body, 201).await
    }

    /// Moves the workers' clock ahead and runs the work that is due by then.
    async fn advance(&self, seconds: u32) {
        let request = self.http.post(format!("{}/local/clock", self.local)).json(&json!({"advance_seconds": seconds}));
        assert!(request.send().await.unwrap().status().is_success());
    }

    async fn local(&self, path: &str) -> Value {
        self.advance(0).await;
        let request = self.http.get(format!("{}{path}", self.local)).header("accept", "application/json");
        request.send().await.unwrap().json().await.unwrap()
    }

    async fn start_workers(&mut self) {
        let port = self.workers_port.to_string();
        let mut workers = Program::start(handrail_command(&self.environment).args(["workers", "--port", &port]));
        workers.expect(|line| line.contains(&self.local).then_some(())).await;
        self.workers = Some(workers);
    }

    fn stop_workers(&mut self) {
        self.workers = None;
    }
}

/// Removes cargo's variables about this test package, which would make other build scripts run again.
fn outside_of_cargo(command: &mut Command) -> &mut Command {
    for (name, _) in std::env::vars_os() {
        if ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|prefix| name.to_string_lossy().starts_with(prefix)) {
            command.env_remove(name);
        }
    }
    command.current_dir(root())
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn handrail_command(environment: &[(&'static str, String)]) -> Command {
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("debug").join("handrail");
    let mut command = Command::new(program);
    // Only the variables that the documentation names may be set.
    for other in ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_DYNAMODB_STREAMS", "AWS_PROFILE", "RUST_LOG"] {
        command.env_remove(other);
    }
    command.envs(environment.iter().cloned());
    command
}

/// Runs the command and returns its standard output.
fn handrail(environment: &[(&'static str, String)], arguments: &[&str]) -> String {
    let output = handrail_command(environment).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

async fn api_key_is_required(laptop: &Laptop) {
    let health = laptop.call("GET", "/healthz", "", &Value::Null, 200).await;
    assert_eq!(health["status"], "ok");
    let me = laptop.call("GET", "/auth/me", &laptop.key, &Value::Null, 200).await;
    assert_eq!((&me["api_keys"][0]["name"], &me["api_keys"][0]["role"]), (&json!("Laptop"), &json!("admin")));
    let refused = laptop.call("GET", "/auth/me", "ho_live_nobody", &Value::Null, 401).await;
    assert_eq!(refused["code"], "INVALID_KEY");
}

async fn create_agent_key(laptop: &Laptop) -> Value {
    let body = json!({"name": "Refund agent", "role": "agent", "approvers": ["*"]});
    laptop.call("POST", "/auth/api-keys", &laptop.key, &body, 201).await
}

async fn approval_reaches_signed_callback(laptop: &mut Laptop, agent: &Value) {
    let key = agent["key"].as_str().unwrap();
    let callback = json!({"callback_url": format!("{}/local/hooks/in/laptop", laptop.local)});
    let decision = laptop.create_decision(key, callback).await;
    let path = format!("/decisions/{}", decision["id"].as_str().unwrap());
    assert_eq!(laptop.call("GET", &path, key, &Value::Null, 200).await["status"], "pending");

    let mails = laptop.local("/local/mail").await;
    assert_eq!((mails.as_array().unwrap().len(), &mails[0]["to"]), (1, &json!("ann@example.com")));
    let link = mails[0]["links"][0].as_str().unwrap();
    assert!(link.starts_with(&format!("{}/d/", laptop.origin)), "{link}");
    let (status, headers, page) = laptop.send(laptop.http.get(link)).await;
    assert!(status == 200 && page.contains("Refund order 1234") && page.contains("Refund agent"), "{status}: {page}");
    assert!(headers["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));

    laptop.stop_workers();
    let form = laptop.http.post(link).header("content-type", "application/x-www-form-urlencoded");
    let (status, headers, _) = laptop.send(form.body("choice=approve&notes=gr%C3%BC%C3%9Fe")).await;
    assert_eq!((status, headers["location"].to_str().unwrap()), (303, link.rsplit_once('/').unwrap().1));
    let (status, _, page) = laptop.send(laptop.http.get(link)).await;
    assert!(status == 200 && page.contains("grüße"), "{status}: {page}");
    let decision = laptop.call("GET", &path, key, &Value::Null, 200).await;
    assert_eq!((&decision["status"], &decision["response_notes"]), (&json!("approved"), &json!("grüße")));

    // Events from before the workers' start are processed.
    laptop.start_workers().await;
    let calls = laptop.local("/local/hooks").await;
    let mails = laptop.local("/local/mail").await;
    assert_eq!(mails.as_array().unwrap().len(), 1, "no mail is sent again");
    let call = &calls["received"][0];
    assert_eq!(call["name"], "laptop", "{calls}");
    let headers: serde_json::Map<_, _> = call["headers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|pair| (pair[0].as_str().unwrap().to_owned(), pair[1].clone()))
        .collect();
    let me = laptop.call("GET", "/auth/me", key, &Value::Null, 200).await;
    let secret = &me["api_keys"][0]["webhook_secret"];
    verify(&json!({"body": call["body"], "headers": headers, "secret": secret}));
    let deliveries = laptop.call("GET", &format!("{path}/deliveries"), key, &Value::Null, 200).await;
    let delivered = deliveries["deliveries"].as_array().unwrap();
    assert!(delivered.iter().all(|delivery| delivery["status"] == "delivered"), "{deliveries}");
}

async fn decision_is_answered_by_api(laptop: &Laptop, agent: &Value) {
    let decision = laptop.create_decision(agent["key"].as_str().unwrap(), json!({"action": "Close the account"})).await;
    let path = format!("/decisions/{}/resolve", decision["id"].as_str().unwrap());
    let answer = json!({"action": "deny", "notes": "not this one"});
    assert_eq!(laptop.call("POST", &path, &laptop.key, &answer, 200).await["status"], "denied");
    assert_eq!(laptop.call("POST", &path, &laptop.key, &answer, 409).await["code"], "ALREADY_RESOLVED");
    let listed = laptop.call("GET", "/decisions?status=denied", &laptop.key, &Value::Null, 200).await;
    assert_eq!(listed["decisions"][0]["id"], decision["id"]);
}

async fn revoked_key_is_refused(laptop: &Laptop, agent: &Value) {
    let created = laptop.call("POST", "/auth/api-keys", &laptop.key, &json!({"name": "Short"}), 201).await;
    let path = format!("/auth/api-keys/{}", created["id"].as_str().unwrap());
    laptop.call("DELETE", &path, agent["key"].as_str().unwrap(), &Value::Null, 403).await;
    laptop.call("DELETE", &path, &laptop.key, &Value::Null, 200).await;
    laptop.call("GET", "/auth/me", created["key"].as_str().unwrap(), &Value::Null, 401).await;
}

/// Runs last, because afterwards the workers' clock is ahead of the functions' clock.
async fn decision_expires_at_deadline(laptop: &Laptop) {
    let decision = laptop.create_decision(&laptop.key, json!({"timeout_minutes": 30})).await;
    laptop.advance(30 * 60).await;
    let path = format!("/decisions/{}", decision["id"].as_str().unwrap());
    assert_eq!(laptop.call("GET", &path, &laptop.key, &Value::Null, 200).await["status"], "expired");
}
