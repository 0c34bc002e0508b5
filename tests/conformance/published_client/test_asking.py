"""create, get, poll and resolve."""

import json

from the_handover import Decision, DecisionStatus, DecisionTimeout

from desk import ORIGIN, VERSION, Desk


class Asking(Desk):
    def test_everything_comes_back_as_it_was_asked(self):
        asked = dict(
            context="Wrong size, twice.\nGrüße", urgency="high", timeout_minutes=30, channel="email",
            options=["approve", "modify"], callback_url=f"{ORIGIN}/local/hooks/in/as-it-was-asked", enforce=True,
        )
        id = self.ask("Refund order 1234 (80 EUR)", **asked)
        self.assertEqual(len(self.mails()), 1)
        pending = Decision(
            id=id, status=DecisionStatus.PENDING, action="Refund order 1234 (80 EUR)",
            context="Wrong size, twice.\nGrüße", urgency="high", created_at=self.now(),
            expires_at=self.agent.get(id).expires_at, enforce=True, action_permitted=False,
        )
        self.assertEqual(self.agent.get(id), pending)

        data = {"sum": 40, "why": ["size"], "half": 0.5}
        resolved = self.app.resolve(id, "modify", notes="only half", response_data=data, resolved_by="Ann")
        expected = Decision(
            **{name: getattr(pending, name) for name in ("id", "action", "context", "urgency", "created_at", "expires_at")},
            status=DecisionStatus.MODIFIED, response_notes="only half", response_data=data, resolved_by="Ann",
            resolved_at=self.now(), enforce=True, action_permitted=True,
        )
        self.assertEqual(resolved, expected)
        self.assertEqual(self.agent.get(id), expected)
        self.assertIs(type(self.agent.get(id).response_data["sum"]), int)
        [call] = self.calls("as-it-was-asked")
        self.assertEqual(json.loads(call["body"])["decision"]["response_data"], data)

    def test_the_answer_to_create_overwrites_nothing_of_the_request(self):
        created = self.agent.create("Send it", self.ann, context="because", urgency="low", timeout_minutes=5)
        if VERSION == "0.3.0":
            self.assertEqual(set(created), {"id", "status", "expires_at", "created_at", "action_hash"})
        else:
            self.assertEqual((created.action, created.context, created.urgency), ("Send it", "because", "low"))
            self.assertEqual((created.status, created.created_at), (DecisionStatus.PENDING, self.now()))

    def test_poll_returns_what_was_decided(self):
        id = self.ask()
        self.tap("deny", notes="not today")
        denied = self.agent.poll(id)
        self.assertTrue(denied.denied)
        self.assertEqual((denied.response_notes, denied.resolved_by), ("not today", self.ann))

    def test_poll_that_waited_long_enough_leaves_the_decision_open(self):
        id = self.ask()
        with self.assertRaises(DecisionTimeout) as timeout:
            self.agent.poll(id, max_wait=0.2)
        self.assertEqual(timeout.exception.decision_id, id)
        self.assertEqual(self.agent.get(id).status, DecisionStatus.PENDING)
        self.tap("approve")
        self.assertTrue(self.agent.get(id).approved)

    def test_an_app_that_is_asked_by_webhook_shows_the_question_itself(self):
        id = self.ask(channel="webhook", callback_url=f"{ORIGIN}/local/hooks/in/own-page")
        self.assertEqual(self.mails(), [])
        [call] = self.calls("own-page")
        told = json.loads(call["body"])
        self.assertEqual((told["event"], told["decision"]["id"]), ("decision.created", id))
        self.assertEqual(told["decision"]["approver"], self.ann)
        self.assertTrue(self.app.resolve(id, "approve").approved)

    def test_an_action_is_permitted_by_an_approval_alone(self):
        for choice, permitted in [("approve", True), ("deny", False), ("modify", True)]:
            id = self.ask(enforce=True)
            self.assertIs(self.agent.get(id).action_permitted, False)
            self.tap(choice, notes="as said")
            self.assertIs(self.agent.get(id).action_permitted, permitted, choice)
        id = self.ask(enforce=True)
        self.advance(minutes=60)
        self.assertEqual(self.agent.get(id).status, DecisionStatus.EXPIRED)
        self.assertIs(self.agent.get(id).action_permitted, False)
        self.assertIsNone(self.agent.get(self.ask()).action_permitted)
