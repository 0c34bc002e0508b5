//! Access by the signed link of an approval request: the request, its approver, and the record that is answered.

use handrail_context::cx::Cx;
use handrail_domain::decision::Decision;
use handrail_domain::lifecycle::Command;
use handrail_domain::record::Record;
use handrail_domain::text::EmailAddress;
use handrail_platform::fault::Fault;
use handrail_records::approval_request::ApprovalRequest;
use handrail_records::kind::{Approvals, KindList};
use handrail_records::transition::TransitionError;
use handrail_secrets::keys::KeyPurpose;
use handrail_secrets::link::{ApproverRole, Link};

/// An approver who opened the signed link of an approval request.
pub struct LinkAccess {
    pub approver: EmailAddress,
    request: ApprovalRequest,
    approvals: &'static Approvals,
}

impl LinkAccess {
    /// Verifies a link. Returns `None` for a wrong signature and for an absent record alike.
    ///
    /// Asks each kind in turn, because a link does not name the kind of its record.
    pub async fn from_token(cx: &Cx, token: &str) -> Result<Option<Self>, Fault> {
        let kinds = KindList::of_process(cx)?;
        let Some(link) = Link::parse(token) else { return Ok(None) };
        for approvals in kinds.iter().filter_map(|kind| kind.approvals.as_ref()) {
            if let Some(request) = (approvals.find)(cx, &link).await? {
                return Self::verify(cx, &link, request, approvals);
            }
        }
        Ok(None)
    }

    fn verify(
        cx: &Cx,
        link: &Link,
        request: ApprovalRequest,
        approvals: &'static Approvals,
    ) -> Result<Option<Self>, Fault> {
        let spec = &request.record.spec;
        let approver = match (link.role, &spec.backup) {
            (ApproverRole::Approver, _) => spec.approver.clone(),
            (ApproverRole::Backup, Some(backup)) => backup.approver.clone(),
            (ApproverRole::Backup, None) => return Ok(None),
        };
        let is_valid = link.is_valid_for(cx.key(KeyPurpose::ApprovalLinks)?, &approver);
        Ok(is_valid.then_some(Self { approver, request, approvals }))
    }

    /// The decision, or a packet's checkpoint converted to a decision.
    pub fn decision(&self) -> &Record<Decision> {
        &self.request.record
    }

    /// Records the answer in the decision, or in the packet of the checkpoint.
    pub async fn answer(&self, cx: &Cx, command: &Command<Decision>) -> Result<(), TransitionError<Decision>> {
        (self.approvals.answer)(cx, &self.request, command).await
    }
}
