"""What happened, as the published client lists it."""

from desk import NOBODY, Desk


class Audit(Desk):
    def test_the_audit_tells_what_happened(self):
        made = self.made("To be looked into")
        self.claim(made.id, "auditor-01")
        self.client.complete_packet(made.id)
        # Everything due is done by then, and so is what follows from it.
        self.advance(1)
        log = self.client.list_audit_log(packet_id=made.id)
        self.assertEqual([entry.action for entry in log.entries], ["completed", "claimed", "created"])
        self.assertEqual((log.total, log.limit, log.offset), (3, 50, 0))
        history = self.client.get_history(made.id).events
        for entry, event in zip(reversed(log.entries), history, strict=True):
            self.assertEqual(
                (entry.id, entry.packet_id, entry.action, entry.actor, entry.details, entry.timestamp),
                (event.id, event.packet_id, event.event_type, event.actor, event.details, event.timestamp),
            )
        mine = self.client.list_audit_log(actor="agent:auditor-01", action="claimed")
        self.assertEqual((mine.total, mine.entries[0].packet_id), (1, str(made.id)))
        everything = self.client.list_audit_log(limit=2, offset=1)
        self.assertEqual((len(everything.entries), everything.limit, everything.offset), (2, 2, 1))
        self.assertGreaterEqual(everything.total, 3)
        self.assertEqual(self.client.list_audit_log(packet_id=NOBODY).total, 0)
        self.assertEqual(self.client.list_audit_log(created_before="2001-01-01").total, 0)

    def test_it_is_healthy_and_says_so(self):
        self.assertEqual(self.http.get("/health").json()["status"], "ok")
        ready = self.http.get("/ready")
        self.assertEqual((ready.status_code, ready.json()["db"]), (200, True))
