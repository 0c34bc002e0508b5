//! `GET /audit/checkpoint`: a signed statement of how many rows the journal has, and of all their hashes.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_domain::access::Scope;
use handrail_domain::merkle_tree::MerkleTree;
use handrail_records::journal::tree_up_to;
use handrail_secrets::journal_checkpoint::{JournalCheckpoint, journal_origin};
use handrail_secrets::keys::KeyPurpose;
use handrail_web::caller::{TenantAdmin, scopes};
use handrail_web::descriptions::Description;
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::extract::PublicOrigin;
use handrail_web::problem::Problem;

use crate::door::DOOR;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "audit-checkpoint",
    method: HttpMethod::Get,
    path: "/audit/checkpoint",
    auth: Auth::ApiKeyOrSession(Scope::AuditRead),
    door: DOOR,
    required_settings: &[
        RequiredSetting::Table,
        RequiredSetting::Key(KeyPurpose::JournalCheckpoints),
        RequiredSetting::Origin,
    ],
    accesses: &[
        DataAccess::AuthenticateKey,
        DataAccess::AuthenticateSession,
        DataAccess::CheckRateLimit,
        DataAccess::ReadJournal,
    ],
    summary: "Sign a checkpoint of the account's journal, up to its newest row",
    route,
};

fn route() -> MethodRouter<Cx> {
    get(handler)
}

pub fn description() -> Description {
    Description::of(handler).text(200, "text/plain")
}

async fn handler(
    State(cx): State<Cx>,
    admin: TenantAdmin<scopes::AuditRead>,
    PublicOrigin(origin): PublicOrigin,
) -> Result<Response, Problem> {
    admin.check_limit(&cx).await?;
    let tenant = admin.tenant();
    let tree = match cx.store.newest_journal_entry(tenant).await? {
        Some(newest) => tree_up_to(&cx, tenant, &newest).await?,
        None => MerkleTree::default(),
    };
    let checkpoint = JournalCheckpoint::new(journal_origin(&origin, tenant), &tree);
    Ok(checkpoint.sign(cx.key(KeyPurpose::JournalCheckpoints)?)?.to_string().into_response())
}

#[cfg(test)]
mod tests {
    use handrail_domain::record::ChainHash;
    use handrail_secrets::signed_note::{NoteKey, SignedNote};

    use super::*;
    use crate::testing::{ADMIN, TestApp, tenant};

    async fn text(app: &TestApp, endpoint: Endpoint) -> String {
        let response = app.get(endpoint, endpoint.path, ADMIN).await;
        assert_eq!(response.status.as_u16(), 200, "{}", response.json);
        String::from_utf8(response.body).unwrap()
    }

    async fn checkpoint(app: &TestApp) -> JournalCheckpoint {
        let note = SignedNote::parse(&text(app, ENDPOINT).await).unwrap();
        let key = NoteKey::parse(text(app, crate::key::ENDPOINT).await.trim_end()).unwrap();
        assert!(note.is_signed_by_any(&[key]));
        JournalCheckpoint::parse(&note.text).unwrap()
    }

    #[tokio::test]
    async fn checkpoint_covers_the_hashes_of_all_rows() {
        let app = TestApp::new().await;
        let mut tree = MerkleTree::default();
        for size in 0..4 {
            let found = checkpoint(&app).await;
            assert_eq!((found.size, found.root), (size, tree.root()));
            assert_eq!(found.origin, format!("handrail.example.com/{}", tenant()));
            app.create_decisions(1).await;
            let newest = app.cx.store.newest_journal_entry(tenant()).await.unwrap().unwrap();
            tree.push(newest.hashes.unwrap().own);
        }
    }

    /// A version that kept no tree wrote some rows, at the beginning or during an update.
    #[tokio::test]
    async fn tree_includes_rows_that_were_written_without_it() {
        let app = TestApp::new().await;
        app.create_decisions(4).await;
        let mut hashes: Vec<ChainHash> = Vec::new();
        for entry in app.cx.store.journal_entries_after(tenant(), 0, 10).await.unwrap() {
            hashes.push(entry.hashes.unwrap().own);
        }
        for numbers in [vec![4], vec![3, 4], vec![1, 2, 3, 4]] {
            for number in numbers {
                app.remove_tree(number).await;
            }
            let mut tree = MerkleTree::default();
            hashes.iter().for_each(|hash| tree.push(*hash));
            assert_eq!(checkpoint(&app).await.root, tree.root());
        }
        app.forget_journal_tails();
        app.create_decisions(1).await;
        let newest = app.cx.store.newest_journal_entry(tenant()).await.unwrap().unwrap();
        assert_eq!(newest.tree.map(|tree| tree.size()), Some(5), "the next row has the tree of all rows");
    }

    #[tokio::test]
    async fn tree_begins_after_rows_without_a_hash() {
        let app = TestApp::new().await;
        app.create_decisions(2).await;
        for number in [1, 2] {
            app.remove_tree(number).await;
            app.remove_hashes(number).await;
        }
        assert_eq!(checkpoint(&app).await.size, 0);
        app.forget_journal_tails();
        app.create_decisions(1).await;
        assert_eq!(checkpoint(&app).await.size, 1);
    }
}
