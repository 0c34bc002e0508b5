//! What a packet carries is there when the packet is, and goes when nobody needs it.

use handrail_domain::lifecycle::{Command, decide};
use handrail_domain::packet::{Act, Content, Packet};
use handrail_kernel::store::{Commit, PutBody, Whole};
use handrail_kernel::transition::{Proposed, Stop, create_whole, rework};
use tokio::task::JoinSet;

use crate::desk::{Desk, Wish, body_of, claim, command, content, edit, tenant};

const BODY: &str = "head.body#";

/// What compression can't make small.
pub(crate) fn noise(bytes: usize, seed: u32) -> String {
    let mut state = seed | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        char::from(b' ' + u8::try_from(state >> 26).unwrap())
    };
    (0..bytes).map(|_| next()).collect::<String>().replace(['"', '\\'], "_")
}

#[tokio::test]
async fn a_packet_is_read_with_what_it_carries_in_one_query() {
    let desk = Desk::new().await;
    for size in [10, 60_000] {
        let wanted = content(&noise(size, 3));
        let made = desk.make(Wish { content: wanted.clone(), ..Wish::default() }).await;
        desk.asked();
        let whole = desk.whole(made.id).await;
        assert_eq!(desk.asked().by_action.get("Query"), Some(&1));
        assert_eq!(whole.record, made);
        assert_eq!(whole.body.unwrap().read::<Content>().unwrap(), wanted);
        // Without it the body is not read.
        assert_eq!(desk.cx.store.record::<Packet>(tenant(), made.id).await.unwrap().unwrap(), made);
    }
}

#[tokio::test]
async fn the_body_of_a_committed_packet_stays_and_a_replaced_one_goes() {
    let desk = Desk::new().await;
    let made = desk.make(Wish::summary("first")).await;
    assert!(desk.items(made.id, BODY).await[0].contains_key("ttl"), "until the stream is seen it may be an orphan");
    desk.dispatch().await;
    assert!(!desk.items(made.id, BODY).await[0].contains_key("ttl"));

    desk.act(made.id, claim("coder"), None).await;
    desk.dispatch().await;
    assert_eq!(desk.items(made.id, BODY).await.len(), 1, "a move writes no body");

    desk.edit(made.id, &content("second")).await;
    desk.edit(made.id, &content("first")).await;
    desk.dispatch().await;
    let items = desk.items(made.id, BODY).await;
    // Newest first; the first version is not confused with the third, which reads the same.
    assert_eq!(items.iter().map(|item| item.contains_key("ttl")).collect::<Vec<_>>(), [false, true, true]);
    assert_eq!(items.iter().map(|item| item.contains_key("facet_pk")).collect::<Vec<_>>(), [true, false, false]);
    assert_eq!(desk.content(made.id).await, content("first"));
    let kept: Vec<i64> = items[1..].iter().map(|item| item["ttl"].as_n().unwrap().parse().unwrap()).collect();
    assert!(kept.iter().all(|until| *until == desk.now().as_unix_seconds() + 24 * 60 * 60));
}

#[tokio::test]
async fn a_body_that_no_head_names_goes_by_itself() {
    let desk = Desk::new().await;
    let made = desk.make(Wish::summary("true")).await;
    desk.dispatch().await;
    for lost in ["lost", "lost as well", "and this"] {
        let next = decide(
            &made,
            &command(&desk.cx, Act::Edit(edit(made.standing.content.clone(), &content(lost)))),
            desk.now(),
        );
        let put = desk.cx.store.put_body(&next.unwrap().next, &body_of(&content(lost)), desk.now()).await.unwrap();
        assert!(matches!(put, PutBody::Done(_)));
    }
    desk.dispatch().await;
    let items = desk.items(made.id, BODY).await;
    assert_eq!(items.iter().filter(|item| item.contains_key("ttl")).count(), 3);
    // They stand in front of it, and are not taken for it.
    assert_eq!(desk.content(made.id).await, content("true"));
}

#[tokio::test]
async fn a_create_that_comes_again_leaves_what_is_kept() {
    let desk = Desk::new().await;
    let (record, command, body) = Wish::summary("once").record(&desk.cx, tenant());
    let whole = Whole { record: record.clone(), body: Some(body) };
    create_whole(&desk.cx, whole.clone(), &command).await.unwrap();
    desk.edit(record.id, &content("twice")).await;
    desk.dispatch().await;
    let (again, body) = create_whole(&desk.cx, whole, &command).await.unwrap();
    assert!(again.replayed && again.record.seq == 2);
    assert_eq!(body.unwrap().read::<Content>().unwrap(), content("twice"), "as it is now");
    desk.dispatch().await;
    let items = desk.items(record.id, BODY).await;
    assert_eq!(items.iter().map(|item| item.contains_key("ttl")).collect::<Vec<_>>(), [false, true]);
}

#[tokio::test]
async fn of_many_who_change_the_content_nobody_undoes_another() {
    let desk = Desk::new().await;
    let made = desk.make(Wish::summary("")).await;
    let mut writers = JoinSet::new();
    for at in 0..12 {
        let (cx, id) = (desk.cx.clone(), made.id);
        writers.spawn(async move {
            let name = command(&cx, Act::Renew);
            let done = rework(&cx, tenant(), id, |whole: &Whole<Packet>| {
                let mut content: Content = whole.body.as_ref().unwrap().read()?;
                content.context.summary.push_str(&format!("{at};"));
                let act = Act::Edit(edit(whole.record.standing.content.clone(), &content));
                Ok(Proposed { command: Command { act, ..name.clone() }, body: Some(body_of(&content)) })
            });
            assert!(!done.await.unwrap().0.replayed);
        });
    }
    writers.join_all().await;
    let written = desk.content(made.id).await.context.summary;
    let mut numbers: Vec<u32> = written.split_terminator(';').map(|number| number.parse().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..12).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_no_item_holds_is_refused_and_nothing_is_written() {
    let desk = Desk::new().await;
    let (record, command, body) = Wish::summary(&noise(600_000, 5)).record(&desk.cx, tenant());
    let stopped = create_whole(&desk.cx, Whole { record: record.clone(), body: Some(body) }, &command).await;
    assert!(matches!(stopped, Err(Stop::TooLarge)));
    assert!(desk.cx.store.whole::<Packet>(tenant(), record.id).await.unwrap().is_none());
    // What compression makes small may be as large as a chain grows.
    desk.make(Wish::summary(&"again and ".repeat(100_000))).await;
}

#[tokio::test]
async fn a_record_never_names_a_body_that_nobody_wrote() {
    let desk = Desk::new().await;
    let made = desk.make(Wish::summary("there")).await;
    let act = Act::Edit(edit(made.standing.content.clone(), &content("nowhere")));
    assert!(matches!(desk.try_act(made.id, act.clone(), None).await, Err(Stop::Fault(_))));
    assert!(matches!(desk.try_act(made.id, act.clone(), Some(&content("another one"))).await, Err(Stop::Fault(_))));
    let verdict = decide(&made, &command(&desk.cx, act), desk.now()).unwrap();
    let committed: Result<Commit<Packet>, _> = desk.cx.store.commit(&made, &verdict).await;
    assert!(committed.is_err());
    assert_eq!(desk.content(made.id).await, content("there"));
}
