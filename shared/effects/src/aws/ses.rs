//! Mail through SES.

use aws_sdk_sesv2::error::ProvideErrorMetadata;
use aws_sdk_sesv2::types::{Body, Content, Destination, EmailContent, Message, MessageHeader};
use handrail_kernel::fault::Fault;
use handrail_kernel::settings::Environment;

use crate::ports::{MailFault, Mailer, Posted};

pub struct SesMailer {
    ses: aws_sdk_sesv2::Client,
    from: String,
}

impl SesMailer {
    pub fn from(environment: &mut Environment<'_>, config: &aws_config::SdkConfig) -> Self {
        Self { ses: aws_sdk_sesv2::Client::new(config), from: environment.required("HANDRAIL_MAIL_FROM") }
    }
}

impl Mailer for SesMailer {
    fn send<'a>(
        &'a self,
        mail: &'a Posted,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<(), MailFault>> + Send + 'a>> {
        Box::pin(async move {
            let later = |error| MailFault::Later(Box::new(error));
            let text = |text: &str| Content::builder().data(text).charset("UTF-8").build().map_err(later);
            let body = Body::builder().text(text(&mail.text)?).html(text(&mail.html)?).build();
            // Recognisable when it comes twice, and a reminder to mail programs that nobody reads answers to it.
            let header =
                |name: &str, value: &str| MessageHeader::builder().name(name).value(value).build().map_err(later);
            let message = Message::builder()
                .subject(text(&mail.subject)?)
                .body(body)
                .headers(header("X-Handrail-Delivery", &mail.id)?)
                .headers(header("Auto-Submitted", "auto-generated")?)
                .build();
            let send = self
                .ses
                .send_email()
                .from_email_address(&self.from)
                .destination(Destination::builder().to_addresses(mail.to.as_str()).build())
                .content(EmailContent::builder().simple(message).build());
            match send.send().await {
                Ok(_) => Ok(()),
                Err(error) => Err(match error.code() {
                    Some(code @ ("MessageRejected" | "MailFromDomainNotVerifiedException" | "BadRequestException")) => {
                        MailFault::Refused(code.to_owned())
                    }
                    _ => MailFault::Later(Box::new(Fault::from_sdk("send a mail", error))),
                }),
            }
        })
    }
}
