//! A link works only for its decision and person; any other token is not found.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use handrail_testkit::TestServer;

/// Offset of the signature, after version, tenant, record and approver role.
const SIGNATURE_OFFSET: usize = 34;

#[tokio::test]
async fn forged_link_is_refused() {
    let mut server = TestServer::new().await;
    let agent = server.key("agent").await;
    let (first, first_page) = server.create_decision(&agent).await;
    let (second, second_page) = server.create_decision(&agent).await;
    let token = |page: &str| page.rsplit_once('/').unwrap().1.to_owned();
    let (first_token, second_token) = (token(&first_page), token(&second_page));
    let bytes = |token: &str| BASE64_URL_SAFE_NO_PAD.decode(token).unwrap();

    // The link of one decision with the signature of the other.
    let mut spliced = bytes(&first_token)[..SIGNATURE_OFFSET].to_vec();
    spliced.extend(&bytes(&second_token)[SIGNATURE_OFFSET..]);
    // The role of a backup approver, which the decision does not have.
    let mut backup_link = bytes(&first_token);
    backup_link[SIGNATURE_OFFSET - 1] = 1;
    let mut forged_tokens = vec![BASE64_URL_SAFE_NO_PAD.encode(spliced), BASE64_URL_SAFE_NO_PAD.encode(backup_link)];
    for at in (0..first_token.len()).step_by(5).chain([first_token.len() - 1]) {
        let mut changed = first_token.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        forged_tokens.push(String::from_utf8(changed).unwrap());
    }
    forged_tokens.extend([
        first_token[1..].to_owned(),
        format!("{first_token}A"),
        format!("{first_token}="),
        "x".to_owned(),
        "A".repeat(5_000),
        first.clone(),
    ]);
    forged_tokens.extend(["%00", "%ff", "..%2f..%2fetc", "%3Cscript%3E"].map(str::to_owned));

    let person = agent.without_key();
    let nothing = person.get("/d/x").await.expect(404);
    assert!(nothing.header("content-type").starts_with("text/html"));
    for token in forged_tokens.iter().filter(|token| **token != first_token) {
        let path = format!("/d/{token}");
        let shown = person.get(&path).await;
        assert_eq!(shown.status, 404, "{path}");
        // All invalid links show the same page.
        if !token.contains('%') {
            assert_eq!(shown.text, nothing.text, "{path}");
            let posted = person.post_form(&path, &[("choice", "approve")]).await.expect(404);
            assert_eq!(posted.text, nothing.text);
        }
    }
    for id in [first, second] {
        assert_eq!(agent.get(&format!("/decisions/{id}")).await.expect(200).json["status"], "pending");
    }
    server.finish().await;
}
