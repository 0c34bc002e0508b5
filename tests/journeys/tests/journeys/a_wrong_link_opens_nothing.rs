//! Whoever has not the very link of this decision and this person finds nothing, and learns nothing.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use handrail_testkit::World;

/// Where the signature begins: behind version, account, record and seat.
const SIGNATURE_AT: usize = 34;

#[tokio::test]
async fn a_wrong_link_opens_nothing() {
    let mut world = World::new().await;
    let agent = world.key("agent").await;
    let (first, first_page) = world.asked_by(&agent).await;
    let (second, second_page) = world.asked_by(&agent).await;
    let token = |page: &str| page.rsplit_once('/').unwrap().1.to_owned();
    let (one, other) = (token(&first_page), token(&second_page));
    let bytes = |token: &str| BASE64_URL_SAFE_NO_PAD.decode(token).unwrap();

    // Each decision with the other's signature.
    let mut spliced = bytes(&one)[..SIGNATURE_AT].to_vec();
    spliced.extend(&bytes(&other)[SIGNATURE_AT..]);
    // The seat of a backup that nobody named.
    let mut seated = bytes(&one);
    seated[SIGNATURE_AT - 1] = 1;
    let mut wrong = vec![BASE64_URL_SAFE_NO_PAD.encode(spliced), BASE64_URL_SAFE_NO_PAD.encode(seated)];
    for at in (0..one.len()).step_by(5).chain([one.len() - 1]) {
        let mut changed = one.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        wrong.push(String::from_utf8(changed).unwrap());
    }
    wrong.extend([
        one[1..].to_owned(),
        format!("{one}A"),
        format!("{one}="),
        "x".to_owned(),
        "A".repeat(5_000),
        first.clone(),
    ]);
    wrong.extend(["%00", "%ff", "..%2f..%2fetc", "%3Cscript%3E"].map(str::to_owned));

    let person = agent.without_key();
    let nothing = person.get("/d/x").await.expect(404);
    assert!(nothing.header("content-type").starts_with("text/html"));
    for token in wrong.iter().filter(|token| **token != one) {
        let path = format!("/d/{token}");
        let shown = person.get(&path).await;
        assert_eq!(shown.status, 404, "{path}");
        // The same page for each, whatever it was that is wrong.
        if !token.contains('%') {
            assert_eq!(shown.text, nothing.text, "{path}");
            let posted = person.post_form(&path, &[("choice", "approve")]).await.expect(404);
            assert_eq!(posted.text, nothing.text);
        }
    }
    for id in [first, second] {
        assert_eq!(agent.get(&format!("/decisions/{id}")).await.expect(200).json["status"], "pending");
    }
    world.end().await;
}
