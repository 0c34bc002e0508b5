//! A kind follows up on the messages of its records: once they were accepted, or once every channel refused them.

#![expect(clippy::unwrap_used, reason = "a failing setup fails the test")]

use std::pin::Pin;
use std::sync::{Arc, Mutex};

use handrail_domain::effect::Purpose;
use handrail_domain::ids::RecordId;
use handrail_domain::text::EmailAddress;
use handrail_effects::{MailFault, Mailer, Message, OutgoingMail, WorkerContext, handle_message};
use handrail_records::kind::{AfterSent, FollowUps, Kind, Mail, Mails, SentOutcome};
use handrail_store::DeliveryKey;
use handrail_test_app::{NOON, TestApp, settings, tenant};

const NOTICE: Purpose = Purpose::new("notice");

/// Outcomes that the kind was told, by sequence number.
#[derive(Default)]
struct Outcomes(Mutex<Vec<(u64, Purpose, SentOutcome)>>);

/// Kind that mails each event and remembers what became of the mail.
const MAILED: Kind = Kind {
    name: "mailed",
    follow_ups: |_, _, _| Box::pin(std::future::ready(Ok(FollowUps::default()))),
    fire_due_timers: |_, _| Box::pin(std::future::ready(Ok(false))),
    callbacks: None,
    webhooks: None,
    mails: Some(Mails {
        build: |_, _, seq, _| {
            let mail = Mail {
                to: EmailAddress::parse("ann@example.com").unwrap(),
                subject: format!("Event {seq}"),
                text: String::new(),
                html: String::new(),
            };
            // The third event needs no mail any more.
            Box::pin(std::future::ready(Ok((seq != 3).then_some(mail))))
        },
    }),
    slack: None,
    files: None,
    approvals: None,
    after_sent: Some(AfterSent {
        apply: |cx, _, seq, purpose, outcome| {
            cx.process_state::<Outcomes>().0.lock().unwrap().push((seq, purpose, outcome));
            Box::pin(std::future::ready(Ok(())))
        },
    }),
};

const KINDS: &[Kind] = &[MAILED];

/// Mail service that accepts the first event, refuses the second and is not available for the fourth.
struct PickyMailer;

impl Mailer for PickyMailer {
    fn send<'a>(&'a self, mail: &'a OutgoingMail) -> Pin<Box<dyn Future<Output = Result<(), MailFault>> + Send + 'a>> {
        let result = match mail.subject.as_str() {
            "Event 1" => Ok(()),
            "Event 2" => Err(MailFault::Refused("no such mailbox".to_owned())),
            other => Err(MailFault::Unavailable(other.into())),
        };
        Box::pin(std::future::ready(result))
    }
}

#[tokio::test]
async fn kind_follows_up_on_each_message_that_ended() {
    let app = TestApp::new(settings()).await;
    let mut context = WorkerContext::new(app.cx.clone(), KINDS);
    context.mailer = Some(Arc::new(PickyMailer));
    let record = RecordId::new(NOON, [2; 10]);
    let notify = async |seq| {
        let key = DeliveryKey { tenant: tenant(), record, seq, purpose: NOTICE, webhook: None };
        handle_message(&context, &Message::Notify { kind: "mailed".to_owned(), key }).await.map(drop)
    };
    let outcomes = || std::mem::take(&mut *app.cx.process_state::<Outcomes>().0.lock().unwrap());
    notify(1).await.unwrap();
    assert_eq!(outcomes(), [(1, NOTICE, SentOutcome::Accepted)]);
    // The process may have died after the mail was sent, so a repeated message follows up again.
    notify(1).await.unwrap();
    assert_eq!(outcomes(), [(1, NOTICE, SentOutcome::Accepted)]);
    notify(2).await.unwrap();
    assert_eq!(outcomes(), [(2, NOTICE, SentOutcome::Failed)]);
    notify(3).await.unwrap();
    assert!(notify(4).await.is_err(), "the message is handled again later");
    assert_eq!(outcomes(), []);
}
