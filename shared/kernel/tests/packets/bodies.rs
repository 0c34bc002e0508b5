//! What a packet carries is there when the packet is, and goes when nobody needs it.

use handrail_domain::lifecycle::{Command, decide};
use handrail_domain::packet::{Act, Content, Packet};
use handrail_kernel::store::{Commit, Filter, Page, PutBody, Whole};
use handrail_kernel::transition::{Proposed, Stop, create_whole, rework};
use tokio::task::JoinSet;

use crate::desk::{Desk, Wish, body_of, claim, command, content, edit, page, tenant};

const BODY: &str = "head.body#";
const PART: &str = "part#";

/// What compression makes smaller by a fifth only: any character that JSON writes as one byte.
pub(crate) fn dense(bytes: usize, seed: u32) -> String {
    let mut state = seed.wrapping_mul(2_654_435_761) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        b' ' + u8::try_from((state >> 8) % 95).unwrap()
    };
    (0..bytes).map(|_| char::from(next())).collect::<String>().replace(['"', '\\'], "_")
}

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
async fn what_no_record_carries_is_refused_and_nothing_is_written() {
    let desk = Desk::new().await;
    let (record, command, body) = Wish::summary(&noise(2_000_000, 5)).record(&desk.cx, tenant());
    let stopped = create_whole(&desk.cx, Whole { record: record.clone(), body: Some(body) }, &command).await;
    assert!(matches!(stopped, Err(Stop::TooLarge)));
    assert!(desk.cx.store.whole::<Packet>(tenant(), record.id).await.unwrap().is_none());
    assert_eq!(desk.items(record.id, "").await.len(), 0);
    // What compression makes small may be as large as a chain grows.
    desk.make(Wish::summary(&"again and ".repeat(100_000))).await;
}

/// More than an item holds, even packed, up to what a packet may carry; and in how many parts.
const LARGE: [(usize, usize); 3] = [(480_000, 2), (900_000, 3), (1_040_000, 3)];

#[tokio::test]
async fn a_large_body_lies_in_parts_and_comes_back_whole() {
    let desk = Desk::new().await;
    let mut all = Vec::new();
    for (seed, (size, parts)) in (3..).zip(LARGE) {
        let wanted = content(&dense(size, seed));
        let made = desk.make(Wish { content: wanted.clone(), ..Wish::default() }).await;
        assert_eq!(desk.items(made.id, BODY).await.len() + desk.items(made.id, PART).await.len(), parts, "{size}");
        desk.asked();
        assert_eq!(desk.content(made.id).await, wanted);
        assert!(desk.asked().by_action["Query"] <= 3);
        assert_eq!(desk.cx.store.record::<Packet>(tenant(), made.id).await.unwrap().unwrap(), made);
        assert_eq!(desk.asked().by_action["Query"], 1, "its head alone is read as ever");
        all.insert(0, wanted);
    }
    let found = desk.find(&Filter::default(), &page(10, 0)).await;
    let listed = found.records.into_iter().map(|whole| whole.body.unwrap().read::<Content>().unwrap());
    assert!(listed.eq(all));
}

#[tokio::test]
async fn a_list_reads_no_body_that_it_has_no_room_for() {
    let desk = Desk::new().await;
    for seed in 1..=6 {
        desk.make(Wish::summary(&dense(1_000_000, seed))).await;
    }
    desk.asked();
    let found = desk.find(&Filter::default(), &Page { bytes_max: 3_100_000, ..page(6, 0) }).await;
    assert_eq!((found.records.len(), found.total), (3, 6));
    // Six heads, and three bodies of three parts.
    assert_eq!(desk.asked().keys_in_batches, 6 + 3 * 3);
    let rest = desk.find(&Filter::default(), &Page { after: found.next, ..page(6, 0) }).await;
    assert_eq!(rest.records.len(), 3);
}

#[tokio::test]
async fn the_parts_of_a_body_are_kept_and_go_with_it() {
    let desk = Desk::new().await;
    let made = desk.make(Wish::summary(&dense(700_000, 3))).await;
    let lent = async || {
        let items = desk.items(made.id, BODY).await.into_iter().chain(desk.items(made.id, PART).await);
        items.map(|item| item.contains_key("ttl")).collect::<Vec<_>>()
    };
    assert_eq!(lent().await, [true; 2]);
    desk.dispatch().await;
    assert_eq!(lent().await, [false; 2]);
    desk.edit(made.id, &content(&dense(700_000, 5))).await;
    desk.edit(made.id, &content("small")).await;
    desk.dispatch().await;
    let in_use: Vec<bool> = lent().await.into_iter().filter(|lent| !lent).collect();
    assert_eq!((in_use.len(), lent().await.len()), (1, 1 + 2 * 2));
    let gone = desk.items(made.id, PART).await;
    let until = desk.now().as_unix_seconds() + 24 * 60 * 60;
    assert!(gone.iter().all(|part| part["ttl"].as_n().unwrap() == &until.to_string()));
    assert_eq!(desk.content(made.id).await, content("small"));
}

#[tokio::test]
async fn of_many_who_change_large_content_nobody_undoes_another() {
    let desk = Desk::new().await;
    let made = desk.make(Wish::summary(&dense(500_000, 9))).await;
    let mut writers = JoinSet::new();
    for at in 0..4_u32 {
        let (cx, id) = (desk.cx.clone(), made.id);
        writers.spawn(async move {
            let name = command(&cx, Act::Renew);
            let done = rework(&cx, tenant(), id, |whole: &Whole<Packet>| {
                let mut content: Content = whole.body.as_ref().unwrap().read()?;
                content.context.custom.insert(format!("by {at}"), dense(10_000, at + 20).into());
                let act = Act::Edit(edit(whole.record.standing.content.clone(), &content));
                Ok(Proposed { command: Command { act, ..name.clone() }, body: Some(body_of(&content)) })
            });
            assert!(!done.await.unwrap().0.replayed);
        });
    }
    writers.join_all().await;
    desk.dispatch().await;
    let written = desk.content(made.id).await;
    assert_eq!(written.context.custom.len(), 4);
    assert_eq!(written.context.summary, dense(500_000, 9));
}

/// What is refused once it is done would be told as refused although it was done.
#[tokio::test]
async fn a_change_whose_answer_was_lost_is_not_asked_about_again() {
    let desk = Desk::new().await;
    let made = desk.make(Wish::summary("before")).await;
    let name = command(&desk.cx, Act::Renew);
    desk.lose_answer_to("UpdateItem");
    let done = rework(&desk.cx, tenant(), made.id, |whole: &Whole<Packet>| {
        let there: Content = whole.body.as_ref().unwrap().read()?;
        if there.context.summary != "before" {
            return Err(Stop::Busy);
        }
        let next = content("after");
        let act = Act::Edit(edit(whole.record.standing.content.clone(), &next));
        Ok(Proposed { command: Command { act, ..name.clone() }, body: Some(body_of(&next)) })
    });
    let (applied, body) = done.await.unwrap();
    assert_eq!((applied.record.seq, body.unwrap().read::<Content>().unwrap()), (2, content("after")));
    assert_eq!(desk.whole(made.id).await.record.seq, 2);
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
