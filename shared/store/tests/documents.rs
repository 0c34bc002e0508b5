//! Documents on the embedded engine.

use handrail_domain::ids::TenantId;
use handrail_domain::time::Timestamp;
use handrail_engine::Engine;
use handrail_store::{
    DOCUMENT_NAME_BYTES_MAX, DOCUMENTS_PER_PAGE_MAX, DeleteDocumentOutcome, Document, PutDocumentOutcome, Store,
    VersionedDocument, table,
};
use serde::{Deserialize, Serialize};

const NOON: Timestamp = Timestamp::from_unix_ms(1_790_000_000_000);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Greeting {
    text: String,
}

impl Document for Greeting {
    const NAME: &'static str = "greeting";
    const PER_TENANT_MAX: usize = 5;
    const BYTES_MAX: usize = 100;
}

/// Collection whose name begins with that of the other one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct GreetingCard(u32);

impl Document for GreetingCard {
    const NAME: &'static str = "greeting-card";
    const PER_TENANT_MAX: usize = 1_000;
    const BYTES_MAX: usize = 100;
}

async fn store() -> Result<Store, Box<dyn std::error::Error>> {
    let engine = Engine::in_memory()?;
    table::create(&engine.client(), "handrail").await?;
    Ok(Store::new(engine.client(), "handrail"))
}

fn tenant(number: u8) -> TenantId {
    TenantId::new(NOON, [number; 10])
}

fn greeting(text: &str) -> Greeting {
    Greeting { text: text.to_owned() }
}

fn versioned(name: &str, version: u64, text: &str) -> VersionedDocument<Greeting> {
    VersionedDocument { name: name.to_owned(), version, value: greeting(text) }
}

#[tokio::test]
async fn document_is_replaced_only_in_the_expected_version() {
    let store = store().await.unwrap();
    let documents = store.documents::<Greeting>(tenant(1));
    assert_eq!(documents.get("hello").await.unwrap(), None);
    assert_eq!(documents.replace("hello", 1, &greeting("Hi")).await.unwrap(), PutDocumentOutcome::Conflict(None));
    assert_eq!(documents.create("hello", &greeting("Hi")).await.unwrap(), PutDocumentOutcome::Done { version: 1 });
    let existing = PutDocumentOutcome::Conflict(Some(versioned("hello", 1, "Hi")));
    assert_eq!(documents.create("hello", &greeting("Hey")).await.unwrap(), existing);
    let replaced = documents.replace("hello", 1, &greeting("Hey")).await.unwrap();
    assert_eq!(replaced, PutDocumentOutcome::Done { version: 2 });
    let newer = PutDocumentOutcome::Conflict(Some(versioned("hello", 2, "Hey")));
    assert_eq!(documents.replace("hello", 1, &greeting("Ho")).await.unwrap(), newer);
    assert_eq!(documents.get("hello").await.unwrap(), Some(versioned("hello", 2, "Hey")));
    assert_eq!(store.documents::<Greeting>(tenant(2)).get("hello").await.unwrap(), None);
}

#[tokio::test]
async fn repeated_writes_find_their_own_result() {
    let store = store().await.unwrap();
    let documents = store.documents::<Greeting>(tenant(1));
    for _ in 0..2 {
        assert_eq!(documents.create("hello", &greeting("Hi")).await.unwrap(), PutDocumentOutcome::Done { version: 1 });
    }
    for _ in 0..2 {
        let replaced = documents.replace("hello", 1, &greeting("Hey")).await.unwrap();
        assert_eq!(replaced, PutDocumentOutcome::Done { version: 2 });
    }
    assert_eq!(documents.list(None, 10).await.unwrap().documents, [versioned("hello", 2, "Hey")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_replaces_accept_one() {
    let store = store().await.unwrap();
    store.documents::<Greeting>(tenant(1)).create("hello", &greeting("Hi")).await.unwrap();
    for version in 1..=5 {
        let tasks: Vec<_> = (0..8)
            .map(|writer| {
                let store = store.clone();
                tokio::spawn(async move {
                    let value = greeting(&format!("writer {writer}"));
                    store.documents::<Greeting>(tenant(1)).replace("hello", version, &value).await.unwrap()
                })
            })
            .collect();
        let mut winners = 0;
        for task in tasks {
            match task.await.unwrap() {
                PutDocumentOutcome::Done { .. } => winners += 1,
                PutDocumentOutcome::Conflict(Some(found)) => assert_eq!(found.version, version + 1),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(winners, 1);
    }
}

#[tokio::test]
async fn collection_has_a_maximum_of_documents() {
    let store = store().await.unwrap();
    let documents = store.documents::<Greeting>(tenant(1));
    for number in 0..Greeting::PER_TENANT_MAX {
        let created = documents.create(&format!("greeting {number}"), &greeting("Hi")).await.unwrap();
        assert_eq!(created, PutDocumentOutcome::Done { version: 1 });
    }
    assert_eq!(documents.create("one more", &greeting("Hi")).await.unwrap(), PutDocumentOutcome::TooMany);
    assert_eq!(documents.delete("greeting 0", None).await.unwrap(), DeleteDocumentOutcome::Deleted);
    assert_eq!(documents.delete("greeting 0", None).await.unwrap(), DeleteDocumentOutcome::NotFound);
    let created = documents.create("one more", &greeting("Hi")).await.unwrap();
    assert_eq!(created, PutDocumentOutcome::Done { version: 1 });
    assert_eq!(documents.create("too many", &greeting("Hi")).await.unwrap(), PutDocumentOutcome::TooMany);
}

#[tokio::test]
async fn document_is_deleted_only_in_the_expected_version() {
    let store = store().await.unwrap();
    let documents = store.documents::<Greeting>(tenant(1));
    documents.create("hello", &greeting("Hi")).await.unwrap();
    documents.replace("hello", 1, &greeting("Hey")).await.unwrap();
    let conflict = DeleteDocumentOutcome::Conflict(versioned("hello", 2, "Hey"));
    assert_eq!(documents.delete("hello", Some(1)).await.unwrap(), conflict);
    assert_eq!(documents.delete("hello", Some(2)).await.unwrap(), DeleteDocumentOutcome::Deleted);
    assert_eq!(documents.delete("hello", Some(2)).await.unwrap(), DeleteDocumentOutcome::NotFound);
}

#[tokio::test]
async fn list_has_pages_in_the_order_of_names() {
    let store = store().await.unwrap();
    let (documents, cards) = (store.documents::<Greeting>(tenant(1)), store.documents::<GreetingCard>(tenant(1)));
    for name in ["d", "b", "a", "c"] {
        documents.create(name, &greeting(name)).await.unwrap();
    }
    for number in 0..=DOCUMENTS_PER_PAGE_MAX {
        cards.create(&format!("{number:03}"), &GreetingCard(7)).await.unwrap();
    }
    let first = documents.list(None, 3).await.unwrap();
    assert_eq!(first.documents, [versioned("a", 1, "a"), versioned("b", 1, "b"), versioned("c", 1, "c")]);
    assert_eq!(first.next.as_deref(), Some("c"));
    let second = documents.list(first.next.as_deref(), 3).await.unwrap();
    assert_eq!((second.documents, second.next), (vec![versioned("d", 1, "d")], None));
    let page = cards.list(None, usize::MAX).await.unwrap();
    assert_eq!((page.documents.len(), page.next.as_deref()), (DOCUMENTS_PER_PAGE_MAX, Some("099")));
}

#[tokio::test]
async fn names_and_sizes_have_limits() {
    let store = store().await.unwrap();
    let documents = store.documents::<Greeting>(tenant(1));
    for name in ["", "two\nlines", &"x".repeat(DOCUMENT_NAME_BYTES_MAX + 1)] {
        assert_eq!(documents.create(name, &greeting("Hi")).await.unwrap(), PutDocumentOutcome::InvalidName);
        assert_eq!(documents.replace(name, 1, &greeting("Hi")).await.unwrap(), PutDocumentOutcome::InvalidName);
        assert_eq!(documents.get(name).await.unwrap(), None);
        assert_eq!(documents.delete(name, None).await.unwrap(), DeleteDocumentOutcome::NotFound);
        assert_eq!(documents.list(Some(name), 1).await.unwrap().documents, []);
    }
    let large = greeting(&"x".repeat(Greeting::BYTES_MAX));
    assert_eq!(documents.create("large", &large).await.unwrap(), PutDocumentOutcome::TooLarge);
    let longest = "x".repeat(DOCUMENT_NAME_BYTES_MAX);
    assert_eq!(documents.create(&longest, &greeting("Hi")).await.unwrap(), PutDocumentOutcome::Done { version: 1 });
    assert_eq!(documents.delete(&longest, Some(1)).await.unwrap(), DeleteDocumentOutcome::Deleted);
}
