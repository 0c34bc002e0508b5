//! Mailer on AWS: Simple Email Service (SES).

use aws_sdk_sesv2::error::ProvideErrorMetadata;
use aws_sdk_sesv2::types::{Body, Content, Destination, EmailContent, Message, MessageHeader};
use handrail_context::settings::EnvReader;
use handrail_effects::{MailFault, Mailer, OutgoingMail};
use handrail_platform::fault::Fault;

pub struct SesMailer {
    ses: aws_sdk_sesv2::Client,
    from_address: String,
}

impl SesMailer {
    pub fn from_environment(environment: &mut EnvReader<'_>, config: &aws_config::SdkConfig) -> Self {
        Self { ses: aws_sdk_sesv2::Client::new(config), from_address: environment.required("HANDRAIL_MAIL_FROM") }
    }
}

impl Mailer for SesMailer {
    fn send<'a>(
        &'a self,
        mail: &'a OutgoingMail,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<(), MailFault>> + Send + 'a>> {
        Box::pin(async move {
            let unavailable = |error| MailFault::Unavailable(Box::new(error));
            let text = |text: &str| Content::builder().data(text).charset("UTF-8").build().map_err(unavailable);
            let body = Body::builder().text(text(&mail.text)?).html(text(&mail.html)?).build();
            // The first header identifies repeated mails; the second keeps mail programs from sending automatic
            // replies.
            let header =
                |name: &str, value: &str| MessageHeader::builder().name(name).value(value).build().map_err(unavailable);
            let message = Message::builder()
                .subject(text(&mail.subject)?)
                .body(body)
                .headers(header("X-Handrail-Delivery", &mail.id)?)
                .headers(header("Auto-Submitted", "auto-generated")?)
                .build();
            let send = self
                .ses
                .send_email()
                .from_email_address(&self.from_address)
                .destination(Destination::builder().to_addresses(mail.to.as_str()).build())
                .content(EmailContent::builder().simple(message).build());
            match send.send().await {
                Ok(_) => Ok(()),
                Err(error) => Err(match error.code() {
                    Some(code @ ("MessageRejected" | "MailFromDomainNotVerifiedException" | "BadRequestException")) => {
                        MailFault::Refused(code.to_owned())
                    }
                    _ => MailFault::Unavailable(Box::new(Fault::from_sdk("send a mail", error))),
                }),
            }
        })
    }
}
