//! Messages that ask for something that the record's kind does not have.

use handrail_domain::approval_purpose::ApprovalPurpose;
use handrail_domain::effect::Purpose;
use handrail_domain::ids::RecordId;
use handrail_domain::webhook::WebhookId;
use handrail_effects::{Message, WorkerContext, handle_message};
use handrail_platform::fault::Fault;
use handrail_records::kind::{FollowUps, Kind};
use handrail_store::{Delivery, DeliveryKey};
use handrail_test_app::{NOON, TestApp, settings, tenant};

/// Kind with neither callbacks nor webhooks, mails, Slack messages and files.
const BARE: Kind = Kind {
    name: "bare",
    follow_ups: |_, _, _| Box::pin(std::future::ready(Ok(FollowUps::default()))),
    fire_due_timers: |_, _| Box::pin(std::future::ready(Ok(false))),
    callbacks: None,
    webhooks: None,
    mails: None,
    slack: None,
    files: None,
    approvals: None,
    after_sent: None,
};

const KINDS: &[Kind] = &[BARE];

#[tokio::test]
async fn message_for_missing_capability_is_a_fault() {
    let app = TestApp::new(settings()).await;
    let context = WorkerContext::new(app.cx.clone(), KINDS);
    let record = RecordId::new(NOON, [2; 10]);
    let key = DeliveryKey {
        tenant: tenant(),
        record,
        seq: 1,
        purpose: ApprovalPurpose::AskApprover.purpose(),
        webhook: None,
    };
    let update = DeliveryKey { purpose: Purpose::UPDATE_SLACK, ..key };
    let to_webhook = DeliveryKey { webhook: Some(WebhookId::new(NOON, [3; 10], 0)), ..key };
    let stored = Delivery::new(to_webhook, "https://example.com/", "{}", NOON);
    app.cx.store.put_webhook_delivery("bare", to_webhook, "bare.made", &stored).await.unwrap();
    let kind = || "bare".to_owned();
    for (message, missing) in [
        (Message::Deliver { kind: kind(), key }, "records of kind bare have no callbacks"),
        (Message::Deliver { kind: kind(), key: to_webhook }, "records of kind bare have no webhooks"),
        (Message::Notify { kind: kind(), key }, "records of kind bare have no mails"),
        (Message::Notify { kind: kind(), key: update }, "records of kind bare have no Slack messages"),
        (Message::RetainFiles { kind: kind(), key }, "records of kind bare have no files"),
        (Message::Notify { kind: "rare".to_owned(), key }, "no kind of records has the name rare"),
    ] {
        let fault = handle_message(&context, &message).await.unwrap_err();
        assert!(matches!(fault, Fault::Internal(..)), "{fault:?}");
        assert!(fault.with_causes().contains(missing), "{}", fault.with_causes());
    }
}
