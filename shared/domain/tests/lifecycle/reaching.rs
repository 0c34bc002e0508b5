//! Where an ask may lead: its channel, its callback, its images.

use handrail_domain::decision::{Ask, Asker, Channel, InvalidKind, Proposal};

use super::asking::{check, holds, wrong};
use super::support::{START, asker, proposal};

#[test]
fn a_callback_leads_out_into_the_world() {
    let callback = |good, url: &str| {
        holds("callback_url", good, url, Proposal { callback_url: Some(url.to_owned()), ..proposal() });
    };
    for inside in
        ["http://127.0.0.1/", "http://localhost/x", "https://10.0.0.1/", "http://169.254.169.254/", "http://[::1]/"]
    {
        callback(false, inside);
    }
    for bad in ["", "not a url", "ftp://example.com/", "https://user:pw@example.com/", "//example.com"] {
        callback(false, bad);
    }
    callback(true, "https://example.com/hook?x=1");
}

#[test]
fn a_webhook_needs_somewhere_to_go() {
    let webhook = Proposal { channel: Some(Channel::Webhook), ..proposal() };
    assert_eq!(wrong(webhook.clone()), ("callback_url", InvalidKind::Value));
    let url = Some("https://example.com/hook".to_owned());
    assert_eq!(check(Proposal { callback_url: url, ..webhook }).unwrap().channel, Channel::Webhook);
}

#[test]
fn slack_is_known_but_not_available() {
    assert_eq!(wrong(Proposal { channel: Some(Channel::Slack), ..proposal() }), ("channel", InvalidKind::Channel));
}

#[test]
fn with_a_workspace_slack_is_a_channel_like_mail() {
    let proposal = Proposal { channel: Some(Channel::Slack), ..proposal() };
    let ask = Ask::check(proposal, &Asker { slack: true, ..asker(&[], None) }, START).unwrap();
    assert_eq!((ask.channel, ask.callback_url), (Channel::Slack, None));
}

#[test]
fn at_most_five_images_and_all_of_them_out_in_the_world() {
    let images = |images: &[&str]| {
        let images = images.iter().map(|image| (*image).to_owned()).collect();
        check(Proposal { context_images: Some(images), ..proposal() }).map(|ask| ask.context_images)
    };
    let url = "https://example.com/chart.png?x=1";
    assert_eq!(images(&[]), Ok(vec![]));
    assert_eq!(images(&[url; 5]), Ok(vec![url.to_owned(); 5]));
    assert_eq!(images(&[url; 6]).unwrap_err().field, "context_images");
    let long = format!("https://example.com/{}", "a".repeat(2_048));
    for bad in [
        "",
        "chart.png",
        "data:image/png;base64,AAAA",
        "javascript:alert(1)",
        "ftp://example.com/a.png",
        "http://127.0.0.1/a.png",
        "https://10.0.0.1/a.png",
        "http://169.254.169.254/latest",
        "https://user:pw@example.com/a.png",
        &long,
    ] {
        let invalid = images(&[url, bad]).unwrap_err();
        assert_eq!((invalid.field, invalid.kind), ("context_images", InvalidKind::Value), "{bad}");
    }
}
