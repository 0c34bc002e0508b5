//! The other way to run it on a laptop, whole: the functions themselves under `cargo lambda watch`, on DynamoDB Local, with
//! the workers of `handrail workers` beside them. docs/lambda-on-a-laptop.md tells how to do it by hand.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::programs::{PATIENCE, Program};
use crate::tools::{Emulator, root, tools};
use crate::webhooks::verify;

/// A laptop with everything running.
struct Laptop {
    environment: Vec<(&'static str, String)>,
    http: reqwest::Client,
    origin: String,
    workers: Option<Program>,
    workers_port: u16,
    /// Where the workers show their mail.
    local: String,
    watch: Program,
    key: String,
    tools: PathBuf,
    _db: Emulator,
}

#[tokio::test]
async fn the_functions_serve_from_ask_to_callback_under_cargo_lambda() {
    let Some(mut laptop) = Laptop::start().await else { return };
    a_key_opens_the_account_and_its_absence_does_not(&laptop).await;
    let agent = an_agent_gets_a_key_of_its_own(&laptop).await;
    an_approval_goes_from_mail_to_signed_callback(&mut laptop, &agent).await;
    a_program_can_answer(&laptop, &agent).await;
    a_revoked_key_opens_nothing(&laptop, &agent).await;
    a_deadline_passes(&laptop).await;
}

impl Laptop {
    async fn start() -> Option<Self> {
        let (db, tools) = (Emulator::start("dynamodb-local")?, tools()?);
        // What `cargo lambda watch` would do at the first call of each function, in one go.
        let built = outside_of_cargo(Command::new(env!("CARGO")).args(["build", "--locked", "--bins"])).status();
        assert!(built.unwrap().success(), "the functions can't be built");
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
            ("HANDRAIL_OWN_ORIGIN", origin.clone()),
            ("HANDRAIL_CALLBACKS", "loopback".to_owned()),
            // Nobody hands in a file here; what could take one in does not start without.
            ("HANDRAIL_FILES_BUCKET", "handrail-files".to_owned()),
        ];
        let made = handrail(&environment, &["table", "create"]);
        // On a machine that is slow the SDK asks a second time and hears of its own table.
        assert!(made == "Made the table handrail." || made == "The table handrail was there already.", "{made}");
        assert_eq!(handrail(&environment, &["table", "create"]), "The table handrail was there already.");
        let key = handrail(&environment, &["key", "create", "--name", "Laptop"]);

        let mut watch = Command::new(tools.join("bin/cargo-lambda"));
        watch.args(["lambda", "watch", "--ignore-changes", "--offline", "--locked"]);
        watch.args(["--invoke-address", "127.0.0.1", "--invoke-port", &port.to_string()]);
        let mut watch = Program::start(outside_of_cargo(&mut watch).envs(environment.iter().cloned()));
        watch.expect(|line| line.contains("starting Runtime server").then_some(())).await;
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().timeout(PATIENCE);
        let mut laptop = Self {
            environment,
            http: http.build().unwrap(),
            origin,
            workers: None,
            workers_port,
            local: format!("http://127.0.0.1:{workers_port}"),
            watch,
            key,
            tools,
            _db: db,
        };
        laptop.listens().await;
        laptop.start_workers().await;
        Some(laptop)
    }

    /// It says that it starts a moment before it does.
    async fn listens(&self) {
        let listens = tokio::time::timeout(PATIENCE, async {
            while self.http.get(format!("{}/healthz", self.origin)).send().await.is_err() {
                tokio::task::yield_now().await;
            }
        });
        assert!(listens.await.is_ok(), "{}", self.watch.printed());
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> (u16, reqwest::header::HeaderMap, String) {
        let answer = request.send().await;
        let answer = answer.unwrap_or_else(|error| panic!("{error}:\n{}", self.watch.printed()));
        (answer.status().as_u16(), answer.headers().clone(), answer.text().await.unwrap())
    }

    /// An API call that is answered with this status.
    #[track_caller]
    fn call(&self, method: &str, path: &str, key: &str, body: &Value, status: u16) -> impl Future<Output = Value> {
        let place = std::panic::Location::caller();
        let request = self.http.request(method.parse().unwrap(), format!("{}{path}", self.origin)).bearer_auth(key);
        let request = if body.is_null() { request } else { request.json(body) };
        async move {
            let (answered, _, text) = self.send(request).await;
            assert_eq!(answered, status, "{place}: {text}");
            serde_json::from_str(&text).unwrap()
        }
    }

    async fn ask(&self, key: &str, fields: Value) -> Value {
        let mut ask = json!({"action": "Refund order 1234", "approver": "ann@example.com"});
        for (name, value) in fields.as_object().unwrap() {
            ask[name] = value.clone();
        }
        self.call("POST", "/decisions", key, &ask, 201).await
    }

    /// The workers' clock moved ahead, and everything done that is due by then.
    async fn advance(&self, seconds: u32) {
        let moved = self.http.post(format!("{}/local/clock", self.local)).json(&json!({"advance_seconds": seconds}));
        assert!(moved.send().await.unwrap().status().is_success());
    }

    async fn local(&self, path: &str) -> Value {
        self.advance(0).await;
        let look = self.http.get(format!("{}{path}", self.local)).header("accept", "application/json");
        look.send().await.unwrap().json().await.unwrap()
    }

    async fn start_workers(&mut self) {
        let port = self.workers_port.to_string();
        let mut workers = Program::start(handrail_command(&self.environment).args(["workers", "--port", &port]));
        workers.expect(|line| line.contains(&self.local).then_some(())).await;
        self.workers = Some(workers);
    }

    fn end_workers(&mut self) {
        self.workers = None;
    }
}

/// As from a shell: what cargo tells a test about its package would make the build scripts of others run again.
fn outside_of_cargo(command: &mut Command) -> &mut Command {
    for (name, _) in std::env::vars_os() {
        if ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|told| name.to_string_lossy().starts_with(told)) {
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
    // Only what the page of the documentation says has to be set.
    for other in ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_DYNAMODB_STREAMS", "AWS_PROFILE", "RUST_LOG"] {
        command.env_remove(other);
    }
    command.envs(environment.iter().cloned());
    command
}

/// What the command prints on its standard output.
fn handrail(environment: &[(&'static str, String)], arguments: &[&str]) -> String {
    let ended = handrail_command(environment).args(arguments).output().unwrap();
    assert!(ended.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&ended.stderr));
    String::from_utf8(ended.stdout).unwrap().trim().to_owned()
}

async fn a_key_opens_the_account_and_its_absence_does_not(laptop: &Laptop) {
    let health = laptop.call("GET", "/healthz", "", &Value::Null, 200).await;
    assert_eq!(health["status"], "ok");
    let me = laptop.call("GET", "/auth/me", &laptop.key, &Value::Null, 200).await;
    assert_eq!((&me["api_keys"][0]["name"], &me["api_keys"][0]["role"]), (&json!("Laptop"), &json!("admin")));
    let refused = laptop.call("GET", "/auth/me", "ho_live_nobody", &Value::Null, 401).await;
    assert_eq!(refused["code"], "INVALID_KEY");
}

async fn an_agent_gets_a_key_of_its_own(laptop: &Laptop) -> Value {
    let body = json!({"name": "Refund agent", "role": "agent"});
    laptop.call("POST", "/auth/api-keys", &laptop.key, &body, 201).await
}

async fn an_approval_goes_from_mail_to_signed_callback(laptop: &mut Laptop, agent: &Value) {
    let key = agent["key"].as_str().unwrap();
    let callback = json!({"callback_url": format!("{}/local/hooks/in/laptop", laptop.local)});
    let asked = laptop.ask(key, callback).await;
    let path = format!("/decisions/{}", asked["id"].as_str().unwrap());
    assert_eq!(laptop.call("GET", &path, key, &Value::Null, 200).await["status"], "pending");

    let mails = laptop.local("/local/mail").await;
    assert_eq!((mails.as_array().unwrap().len(), &mails[0]["to"]), (1, &json!("ann@example.com")));
    let link = mails[0]["links"][0].as_str().unwrap();
    assert!(link.starts_with(&format!("{}/d/", laptop.origin)), "{link}");
    let (status, headers, page) = laptop.send(laptop.http.get(link)).await;
    assert!(status == 200 && page.contains("Refund order 1234") && page.contains("Refund agent"), "{status}: {page}");
    assert!(headers["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));

    laptop.end_workers();
    let form = laptop.http.post(link).header("content-type", "application/x-www-form-urlencoded");
    let (status, headers, _) = laptop.send(form.body("choice=approve&notes=gr%C3%BC%C3%9Fe")).await;
    assert_eq!((status, headers["location"].to_str().unwrap()), (303, link.rsplit_once('/').unwrap().1));
    let (status, _, page) = laptop.send(laptop.http.get(link)).await;
    assert!(status == 200 && page.contains("grüße"), "{status}: {page}");
    let decision = laptop.call("GET", &path, key, &Value::Null, 200).await;
    assert_eq!((&decision["status"], &decision["response_notes"]), (&json!("approved"), &json!("grüße")));

    // What happened while no workers ran is not lost on them.
    laptop.start_workers().await;
    let calls = laptop.local("/local/hooks").await;
    let mails = laptop.local("/local/mail").await;
    assert_eq!(mails.as_array().unwrap().len(), 1, "nothing is mailed again");
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
    verify(&laptop.tools, &json!({"body": call["body"], "headers": headers, "secret": secret}));
    let deliveries = laptop.call("GET", &format!("{path}/deliveries"), key, &Value::Null, 200).await;
    let delivered = deliveries["deliveries"].as_array().unwrap();
    assert!(delivered.iter().all(|delivery| delivery["status"] == "delivered"), "{deliveries}");
}

async fn a_program_can_answer(laptop: &Laptop, agent: &Value) {
    let asked = laptop.ask(agent["key"].as_str().unwrap(), json!({"action": "Close the account"})).await;
    let path = format!("/decisions/{}/resolve", asked["id"].as_str().unwrap());
    let answer = json!({"action": "deny", "notes": "not this one"});
    assert_eq!(laptop.call("POST", &path, &laptop.key, &answer, 200).await["status"], "denied");
    assert_eq!(laptop.call("POST", &path, &laptop.key, &answer, 409).await["code"], "ALREADY_RESOLVED");
    let listed = laptop.call("GET", "/decisions?status=denied", &laptop.key, &Value::Null, 200).await;
    assert_eq!(listed["decisions"][0]["id"], asked["id"]);
}

async fn a_revoked_key_opens_nothing(laptop: &Laptop, agent: &Value) {
    let made = laptop.call("POST", "/auth/api-keys", &laptop.key, &json!({"name": "Short"}), 201).await;
    let path = format!("/auth/api-keys/{}", made["id"].as_str().unwrap());
    laptop.call("DELETE", &path, agent["key"].as_str().unwrap(), &Value::Null, 403).await;
    laptop.call("DELETE", &path, &laptop.key, &Value::Null, 200).await;
    laptop.call("GET", "/auth/me", made["key"].as_str().unwrap(), &Value::Null, 401).await;
}

/// Last: the workers' clock is ahead of the functions' afterwards.
async fn a_deadline_passes(laptop: &Laptop) {
    let asked = laptop.ask(&laptop.key, json!({"timeout_minutes": 30})).await;
    laptop.advance(30 * 60).await;
    let path = format!("/decisions/{}", asked["id"].as_str().unwrap());
    assert_eq!(laptop.call("GET", &path, &laptop.key, &Value::Null, 200).await["status"], "expired");
}
