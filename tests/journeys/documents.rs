//! The documents of the APIs are served to everyone, and the page of them works offline.

use handrail_testkit::TestServer;

#[tokio::test]
async fn openapi_documents_are_served_without_a_key() {
    let server = TestServer::new().await;
    let anybody = server.admin.without_key();
    let all = anybody.get("/openapi.json").await.expect(200);
    assert_eq!(all.header("content-type"), "application/json");
    assert_eq!(all.json["openapi"], "3.1.0");
    let mut operations = 0;
    for door in ["audit", "decisions", "docs", "packets", "routes", "slack"] {
        let of_door = anybody.get(&format!("/openapi/{door}.json")).await.expect(200).json;
        for (path, methods) in of_door["paths"].as_object().unwrap() {
            for (method, operation) in methods.as_object().unwrap() {
                assert_eq!(&all.json["paths"][path][method], operation, "{method} {path}");
                operations += 1;
            }
        }
    }
    let methods = all.json["paths"].as_object().unwrap().values().map(|methods| methods.as_object().unwrap().len());
    assert_eq!(operations, methods.sum::<usize>());
    for unknown in ["tasks.json", "decisions", "..%2fopenapi.json"] {
        anybody.get(&format!("/openapi/{unknown}")).await.expect_error(404, "NOT_FOUND");
    }
    server.finish().await;
}

#[tokio::test]
async fn page_of_the_operations_loads_nothing_and_works_without_scripts() {
    let server = TestServer::new().await;
    let page = server.admin.without_key().get("/docs").await.expect(200);
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; script-src 'sha256-") && !policy.contains("unsafe"), "{policy}");
    for loaded in [" src=", "<link rel=\"stylesheet\"", "@import", "href=\"http", "url("] {
        assert!(!page.text.contains(loaded), "{loaded}");
    }
    // Each operation is in the page itself, and its details open without a script.
    let (content, _) = page.text.split_once("<script>").unwrap();
    assert!(content.matches("<details").count() > 80);
    assert!(content.contains("Create a packet") && content.contains("with the scope decisions:write"));
    server.finish().await;
}
