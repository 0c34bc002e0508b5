"""approve(): asks, waits, and lets the agent go on or stops it."""

from the_handover import (
    AmountRule, ApprovalPolicy, DecisionDenied, DecisionExpired, DecisionStatus, DecisionTimeout, require_approval,
)

from desk import Desk, approve_works


@approve_works
class Approve(Desk):
    def stopped(self, kind, ends):
        with self.assertRaises(kind) as stopped:
            ends.result()
        self.assertIs(type(stopped.exception), kind)
        return stopped.exception.decision

    def test_approve_returns_what_was_approved(self):
        ends = self.approving()
        self.tap("approve", notes="after five")
        decision = ends.result()
        self.assertTrue(decision.approved)
        self.assertEqual((decision.response_notes, decision.resolved_by), ("after five", self.ann))

    def test_approve_returns_what_was_modified(self):
        ends = self.approving(enforce=True)
        self.tap("modify", notes="only half")
        decision = ends.result()
        self.assertTrue(decision.modified and decision.action_permitted)
        self.assertEqual(decision.response_notes, "only half")

    def test_approve_stops_at_a_denial(self):
        ends = self.approving()
        self.tap("deny", notes="no")
        self.assertEqual(self.stopped(DecisionDenied, ends).response_notes, "no")

    def test_approve_stops_when_nobody_answers(self):
        ends = self.approving(timeout_minutes=30)
        self.advance(minutes=29)
        self.assertFalse(ends.done())
        self.advance(minutes=1)
        self.assertEqual(self.stopped(DecisionExpired, ends).status, DecisionStatus.EXPIRED)

    def test_approve_stops_when_another_is_asked(self):
        agent = self.client(self.key("agent", backup_approver="backup-" + self.ann))
        ends = self.approving(client=agent)
        self.advance(minutes=60)
        decision = self.stopped(DecisionExpired, ends)
        self.assertEqual(decision.status, DecisionStatus.ESCALATED)
        # It has stopped waiting; the backup can answer all the same.
        self.tap("approve", self.page("backup-" + self.ann))
        self.assertTrue(agent.get(decision.id).approved)

    def test_approve_waits_for_the_backup_where_the_key_says_so(self):
        backup = "backup-" + self.ann
        agent = self.client(self.key("agent", backup_approver=backup, escalation_stays_pending=True))
        ends = self.approving(client=agent)
        self.advance(minutes=60)
        self.tap("approve", self.page(backup))
        self.assertEqual(ends.result().resolved_by, backup)

    def test_approve_stops_when_the_question_is_taken_back(self):
        ends = self.approving()
        link = self.page()
        id = self.newest()
        taken = self.agent._http.post(f"/decisions/{id}/cancel", json={"reason": "done by hand"})
        self.assertEqual((taken.status_code, taken.json()["status"]), (200, "expired"))
        self.assertEqual(self.stopped(DecisionExpired, ends).id, id)
        self.assertEqual(self.http.post(link, data={"choice": "approve"}).status_code, 410)

    def test_approve_stops_waiting_and_leaves_the_decision_open(self):
        ends = self.approving(max_wait=0.2)
        with self.assertRaises(DecisionTimeout) as timeout:
            ends.result()
        self.tap("approve")
        self.assertTrue(self.agent.get(timeout.exception.decision_id).approved)

    def test_the_clients_own_policy_decides_what_is_asked(self):
        rules = ApprovalPolicy(amount_rules=[AmountRule(100.0, ["refund"])], require_for_keywords=["drop"])
        agent = self.client(self.secret, policy=rules)
        self.assertEqual(agent.approve("Refund order 1", self.ann, amount=99).id, "auto")
        self.assertEqual(self.mails(), [])
        for action, amount in [("Refund order 2", 100), ("Drop the table", None)]:
            ends = self.approving(action, client=agent, amount=amount)
            self.tap("approve")
            self.assertEqual(ends.result().action, action)

    def test_a_decorated_function_runs_only_when_it_was_approved(self):
        ran = []

        @require_approval(self.agent, self.ann, urgency="critical", action="Delete the users")
        def delete(which, _decision=None):
            ran.append((which, _decision.resolved_by))
            return "done"

        ends = self.waiting(delete, "all", client=self.agent)
        [mail] = self.mails()
        self.assertIn("'all'", mail["text"])
        self.tap("deny", mail["links"][0])
        self.assertEqual(self.stopped(DecisionDenied, ends).urgency, "critical")
        self.assertEqual(ran, [])

        ends = self.waiting(delete, "one", client=self.agent)
        self.tap("approve")
        self.assertEqual((ends.result(), ran), ("done", [("one", self.ann)]))
