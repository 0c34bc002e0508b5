//! Validation of channel, callback URL and image URLs of a request.

use handrail_domain::decision::{Channel, DecisionSpec, NewDecision, Requester, UNSUPPORTED_CHANNEL};
use handrail_domain::field_error::VALUE_ERROR;

use super::fixtures::{START, new_decision, requester};
use super::new_decision::{assert_field, field_error_of, validate};

#[test]
fn callback_url_must_be_public() {
    let check_callback = |valid, url: &str| {
        assert_field("callback_url", valid, url, NewDecision { callback_url: Some(url.to_owned()), ..new_decision() });
    };
    for private in
        ["http://127.0.0.1/", "http://localhost/x", "https://10.0.0.1/", "http://169.254.169.254/", "http://[::1]/"]
    {
        check_callback(false, private);
    }
    for bad in ["", "not a url", "ftp://example.com/", "https://user:pw@example.com/", "//example.com"] {
        check_callback(false, bad);
    }
    check_callback(true, "https://example.com/hook?x=1");
}

#[test]
fn webhook_channel_needs_callback_url() {
    let webhook = NewDecision { channel: Some(Channel::Webhook), ..new_decision() };
    assert_eq!(field_error_of(webhook.clone()), ("callback_url".to_owned(), VALUE_ERROR));
    let url = Some("https://example.com/hook".to_owned());
    assert_eq!(validate(NewDecision { callback_url: url, ..webhook }).unwrap().channel, Channel::Webhook);
}

#[test]
fn slack_channel_needs_workspace() {
    assert_eq!(
        field_error_of(NewDecision { channel: Some(Channel::Slack), ..new_decision() }),
        ("channel".to_owned(), UNSUPPORTED_CHANNEL)
    );
}

#[test]
fn slack_channel_works_with_workspace() {
    let request = NewDecision { channel: Some(Channel::Slack), ..new_decision() };
    let spec = DecisionSpec::check(request, &Requester { slack: true, ..requester(&[], None) }, START).unwrap();
    assert_eq!((spec.channel, spec.callback_url), (Channel::Slack, None));
}

#[test]
fn at_most_five_public_image_urls() {
    let validate_images = |images: &[&str]| {
        let images = images.iter().map(|image| (*image).to_owned()).collect();
        validate(NewDecision { context_images: Some(images), ..new_decision() }).map(|spec| spec.context_images)
    };
    let url = "https://example.com/chart.png?x=1";
    assert_eq!(validate_images(&[]), Ok(vec![]));
    assert_eq!(validate_images(&[url; 5]), Ok(vec![url.to_owned(); 5]));
    assert_eq!(validate_images(&[url; 6]).unwrap_err().field(), "context_images");
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
        let invalid = validate_images(&[url, bad]).unwrap_err();
        assert_eq!((invalid.field().as_str(), invalid.kind), ("context_images", VALUE_ERROR), "{bad}");
    }
}
