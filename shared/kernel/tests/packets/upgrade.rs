//! A table that an older program made is given what it lacks.

use handrail_domain::packet::Packet;
use handrail_kernel::store::{Filter, table};

use crate::desk::{Desk, TABLE, Wish, page, tenant};

#[tokio::test]
async fn a_table_without_the_index_gets_it_and_keeps_what_it_holds() {
    let desk = Desk::new().await;
    let made = desk.make(Wish::default()).await;
    let db = desk.engine.client();
    let delete = aws_sdk_dynamodb::types::DeleteGlobalSecondaryIndexAction::builder().index_name("by_facet");
    let update = aws_sdk_dynamodb::types::GlobalSecondaryIndexUpdate::builder().delete(delete.build().unwrap()).build();
    db.update_table().table_name(TABLE).global_secondary_index_updates(update).send().await.unwrap();
    let filter = Filter { source: Some("planner".to_owned()), ..Filter::default() };
    assert!(desk.cx.store.find::<Packet>(tenant(), &filter, &page(5, 0), desk.now()).await.is_err());
    for _ in 0..2 {
        assert!(!table::create(&db, TABLE).await.unwrap(), "it was there");
        let found = desk.find(&filter, &page(5, 0)).await;
        assert_eq!(found.records.iter().map(|whole| whole.record.id).collect::<Vec<_>>(), [made.id]);
    }
}

#[tokio::test]
async fn a_table_whose_maker_died_half_way_forgets_what_is_over_all_the_same() {
    let desk = Desk::new().await;
    let db = desk.engine.client();
    let ttl = aws_sdk_dynamodb::types::TimeToLiveSpecification::builder().attribute_name("ttl").enabled(false);
    db.update_time_to_live().table_name(TABLE).time_to_live_specification(ttl.build().unwrap()).send().await.unwrap();
    for _ in 0..2 {
        assert!(!table::create(&db, TABLE).await.unwrap(), "it was there");
        let described = db.describe_time_to_live().table_name(TABLE).send().await.unwrap();
        let status = described.time_to_live_description.and_then(|time| time.time_to_live_status);
        assert_eq!(status, Some(aws_sdk_dynamodb::types::TimeToLiveStatus::Enabled));
    }
}
