//! A table of an older version gets the indexes and settings that it lacks.

use handrail_domain::packet::Packet;
use handrail_store::{Filter, table};

use crate::test_app::{PacketFixture, TABLE, TestApp, page, tenant};

#[tokio::test]
async fn upgrade_adds_missing_index_and_keeps_data() {
    let app = TestApp::new().await;
    let packet = app.create_packet(PacketFixture::default()).await;
    let db = app.engine.client();
    let delete = aws_sdk_dynamodb::types::DeleteGlobalSecondaryIndexAction::builder().index_name("by_facet");
    let update = aws_sdk_dynamodb::types::GlobalSecondaryIndexUpdate::builder().delete(delete.build().unwrap()).build();
    db.update_table().table_name(TABLE).global_secondary_index_updates(update).send().await.unwrap();
    let filter = Filter { source: Some("planner".to_owned()), ..Filter::default() };
    assert!(app.cx.store.find::<Packet>(tenant(), &filter, &page(5, 0), app.now()).await.is_err());
    for _ in 0..2 {
        assert!(!table::create(&db, TABLE).await.unwrap(), "the table exists");
        let found = app.find(&filter, &page(5, 0)).await;
        assert_eq!(found.records.iter().map(|found_packet| found_packet.record.id).collect::<Vec<_>>(), [packet.id]);
    }
}

#[tokio::test]
async fn interrupted_table_creation_still_enables_ttl() {
    let app = TestApp::new().await;
    let db = app.engine.client();
    let ttl = aws_sdk_dynamodb::types::TimeToLiveSpecification::builder().attribute_name("ttl").enabled(false);
    db.update_time_to_live().table_name(TABLE).time_to_live_specification(ttl.build().unwrap()).send().await.unwrap();
    for _ in 0..2 {
        assert!(!table::create(&db, TABLE).await.unwrap(), "the table exists");
        let described = db.describe_time_to_live().table_name(TABLE).send().await.unwrap();
        let status = described.time_to_live_description.and_then(|time| time.time_to_live_status);
        assert_eq!(status, Some(aws_sdk_dynamodb::types::TimeToLiveStatus::Enabled));
    }
}
