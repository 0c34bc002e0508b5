"""Lists, pages, search and batches."""

from handoffrail.sdk import SearchOptions

from desk import NOBODY, Desk, builder, packet
from handoffrail.sdk import PacketBuilder


def to(agent, summary="For one agent", tags=(), priority="normal", source="sales-01"):
    built = PacketBuilder().from_(source, "A source").to(agent, "A target").with_summary(summary)
    return built.with_tags(list(tags)).with_priority(priority).build()


class Lists(Desk):
    def test_an_agent_finds_what_lies_for_it(self):
        mine = [self.client.create_packet(to("lists-1", tags=tags, priority=priority)) for tags, priority in (
            (["a"], "low"), (["a", "b"], "high"), ([], "high"),
        )]
        self.client.create_packet(to("lists-2", tags=["a", "b"]))

        def found(**filters):
            page = self.client.list_packets(**{"target_agent": "lists-1", **filters})
            self.assertEqual(page.total, len(page.packets))
            return {packet.id for packet in page.packets}

        ids = [packet.id for packet in mine]
        self.assertEqual(found(), set(ids))
        self.assertEqual(found(tags="a"), {ids[0], ids[1]})
        self.assertEqual(found(tags="a, b"), {ids[1]})
        self.assertEqual(found(priority="high"), {ids[1], ids[2]})
        self.assertEqual(found(priority="urgent"), set())
        self.assertEqual(found(status="created,claimed"), set(ids))
        self.assertEqual(found(status="completed"), set())
        self.assertEqual(found(source_agent="sales-01"), set(ids))
        self.assertEqual(found(source_agent="sales-02"), set())
        self.assertEqual(found(created_after="2001-01-01"), set(ids))
        self.assertEqual(found(created_before="2001-01-01T00:00:00+01:00"), set())
        self.claim(ids[0], "lists-3")
        self.assertEqual(found(), {ids[1], ids[2]})
        self.assertEqual(found(target_agent="lists-3", status="claimed"), {ids[0]})

    def test_pages_lead_to_the_end(self):
        made = []
        for number in range(5):
            made.insert(0, self.client.create_packet(to("pages-1", f"Number {number}")).id)
            self.advance(1)
        first = self.client.list_packets(target_agent="pages-1", limit=2)
        self.assertEqual(([packet.id for packet in first.packets], first.total, first.limit), (made[:2], 5, 2))
        second = self.client.list_packets(target_agent="pages-1", limit=2, offset=2)
        self.assertEqual(([packet.id for packet in second.packets], second.offset), (made[2:4], 2))
        seen, cursor = [], None
        for _ in range(3):
            page = self.client.list_packets(target_agent="pages-1", limit=2, cursor=cursor)
            seen += [packet.id for packet in page.packets]
            cursor = page.next_cursor
        self.assertEqual((seen, cursor), (made, None))

    def test_what_waits_longest_comes_first(self):
        waiting = []
        for _ in range(3):
            waiting.append(self.made(reason="Look at it").id)
            self.advance(1)
        page = self.client.get_awaiting(limit=200)
        ids = [packet.id for packet in page.packets if packet.id in waiting]
        self.assertEqual((ids, page.next_cursor), (waiting, None))

    def test_words_are_found_in_summaries_and_contexts(self):
        made = self.client.create_packet(
            builder(PacketBuilder, "A zebra crossing").with_custom({"where": "Quagga street"}).build())
        for words in ("zebra", "ZEBRA crossing", "quagga"):
            found = self.client.search_packets(words, SearchOptions(limit=10))
            self.assertEqual([packet.id for packet in found.packets], [made.id], words)
        self.assertEqual(self.client.search_packets("zebra unicorn").packets, [])
        for odd in ("C++", "a-b", "foo:bar", '"', "50%"):
            self.client.search_packets(odd + " zebra")

    def test_a_bad_packet_of_a_batch_stops_no_other(self):
        packets = [packet(f"Number {number}").build().model_dump(mode="json", exclude_none=True) for number in range(3)]
        packets[1]["metadata"]["priority"] = "urgent"
        made = self.client._request("POST", "/packets/batch", json_data={"packets": packets})
        self.assertEqual([one["context"]["summary"] for one in made["created"]], ["Number 0", "Number 2"])
        self.assertEqual([error["index"] for error in made["errors"]], [1])

    def test_many_at_once_each_for_itself(self):
        made = self.client.batch_create_packets([packet(f"Number {number}").build() for number in range(3)])
        self.assertEqual(([one.context.summary for one in made.created], made.errors), (["Number 0", "Number 1", "Number 2"], []))
        ids = [str(one.id) for one in made.created]
        self.claim(ids[0], "earlier")
        claimed = self.client.batch_claim_packets([*ids, NOBODY], agent_id="batch-1", agent_name="Batch")
        self.assertEqual([str(one.id) for one in claimed.claimed], ids[1:])
        errors = {error.packet_id: error.error for error in claimed.errors}
        self.assertEqual(errors, {ids[0]: "Already claimed by earlier", NOBODY: f"Packet {NOBODY} not found"})
        done = self.client.batch_complete_packets([*ids, NOBODY])
        self.assertEqual([str(one.id) for one in done.completed], ids)
        self.assertEqual([error.packet_id for error in done.errors], [NOBODY])
        self.assertEqual(self.client.get_packet(ids[1]).status, "completed")
        self.assertEqual(self.client.get_history(ids[1]).events[-1].actor, "system:batch_complete")
