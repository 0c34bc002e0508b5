"""Rules that the server keeps for a key: what they settle, nobody is asked."""

from the_handover import DecisionDenied, DecisionStatus

from desk import VERSION, Desk, approve_works

RULES = [
    {"name": "nothing is dropped", "match": {"keywords_any": ["drop"]}, "effect": "deny"},
    {"name": "looking is harmless", "match": {"keywords_any": ["look up"], "urgency_at_most": "medium"}, "effect": "approve"},
]


class Policy(Desk):
    def setUp(self):
        super().setUp()
        self.ruled = self.client(self.key("agent", rules=RULES))

    def test_what_a_rule_approves_is_approved_at_once_and_nobody_is_mailed(self):
        created = self.ruled.create("Look up order 1234", self.ann, enforce=True)
        if VERSION == "0.3.0":
            self.assertEqual((created["status"], created["auto_resolved"], created["resolved_by"]), ("approved", True, "policy"))
            id = created["id"]
        else:
            self.assertEqual((created.status, created.resolved_by), (DecisionStatus.APPROVED, "policy"))
            id = created.id
        decision = self.ruled.get(id)
        self.assertEqual((decision.status, decision.resolved_by, decision.action_permitted), (DecisionStatus.APPROVED, "policy", True))
        self.assertEqual(self.mails(), [])

    def test_what_no_rule_settles_is_asked(self):
        self.assertEqual(self.ruled.get(self.ask("Refund order 1234", client=self.ruled)).status, DecisionStatus.PENDING)
        self.ask("Look up order 1234", client=self.ruled, urgency="critical")
        self.assertEqual(len(self.mails()), 2)

    def test_a_denial_by_a_rule_is_never_in_the_answer_to_create(self):
        """The client takes any settled answer to create for a yes."""
        created = self.ruled.create("Drop the table", self.ann)
        status, id = (created["status"], created["id"]) if VERSION == "0.3.0" else (created.status.value, created.id)
        self.assertEqual(status, "pending")
        self.assertTrue(self.ruled.get(id).denied)
        self.assertEqual(self.mails(), [])

    @approve_works
    def test_approve_returns_at_once_what_a_rule_approves(self):
        decision = self.ruled.approve("Look up order 1234", self.ann)
        self.assertTrue(decision.approved)
        self.assertEqual((decision.resolved_by, self.slept), ("policy", []))

    @approve_works
    def test_approve_stops_at_what_a_rule_denies(self):
        with self.assertRaises(DecisionDenied) as denied:
            self.ruled.approve("Drop the table", self.ann)
        self.assertEqual(denied.exception.decision.resolved_by, "policy")
