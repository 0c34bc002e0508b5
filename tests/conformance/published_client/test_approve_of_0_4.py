"""approve() of 0.4.0 breaks inside the client, after it has asked. When a later version mends that, this fails and says so."""

from the_handover import require_approval
from the_handover.integrations.openai import handle_handover_call

from desk import Desk, since_0_4


@since_0_4
class BrokenApprove(Desk):
    def test_approve_of_0_4_breaks_after_the_person_was_asked(self):
        decorated = require_approval(self.agent, self.ann, action="Refund order 1234")(lambda: self.fail("it ran"))
        for call in [
            lambda: self.agent.approve("Refund order 1234", self.ann),
            decorated,
            lambda: handle_handover_call(self.agent, {"action": "Refund order 1234"}, self.ann),
        ]:
            with self.assertRaisesRegex(AttributeError, "'Decision' object has no attribute 'get'"):
                call()
            # It was asked all the same, and can be answered: create and poll work, and are the way to wait.
            page = self.page()
            self.assertIn("Refund order 1234", self.http.get(page).text)
            self.tap("approve", page)

    def test_create_and_poll_do_what_approve_of_0_4_should(self):
        created = self.agent.create("Refund order 1234", self.ann)
        self.tap("approve", notes="go")
        decision = self.agent.poll(created.id)
        self.assertTrue(decision.approved)
        self.assertEqual(decision.response_notes, "go")
