"""Every refusal reaches the agent as the client's own error with the service's words."""

import httpx
from the_handover import HandoverError

from desk import ORIGIN, Desk

NOBODY = "018f0000-0000-7000-8000-000000000000"


class Refusals(Desk):
    def refused(self, status, words, call, *arguments, **options):
        with self.assertRaises(HandoverError) as refused:
            call(*arguments, **options)
        message = str(refused.exception)
        self.assertIs(type(refused.exception), HandoverError)
        self.assertTrue(message.startswith(f"API error {status}: ") and words in message, message)

    def test_a_wrong_key_is_an_error_with_words(self):
        self.refused(401, "key", self.client("ho_live_nobody").create, "x", self.ann)
        self.refused(401, "key", self.client("ho_live_nobody").get, NOBODY)

    def test_a_wrong_request_is_an_error_that_names_the_field(self):
        for field, fields in [
            ("action", dict(action=" ")), ("approver", dict(approver="nobody")), ("urgency", dict(urgency="soon")),
            ("timeout_minutes", dict(timeout_minutes=0)), ("channel", dict(channel="pigeon")),
            ("options", dict(options=["maybe"])), ("callback_url", dict(callback_url="nowhere")),
        ]:
            request = dict(action="x", approver=self.ann) | fields
            self.refused(400, field, self.agent.create, **request)

    def test_a_request_that_is_too_large_is_an_error_with_words(self):
        self.refused(413, "", self.agent.create, "x", self.ann, context="x" * 300_000)

    def test_an_unknown_decision_is_an_error_everywhere(self):
        for unknown in [NOBODY, "nonsense", "../../etc/passwd"]:
            self.refused(404, "", self.agent.get, unknown)
            self.refused(404, "", self.app.resolve, unknown, "approve")

    def test_who_asked_can_not_answer(self):
        self.refused(403, "", self.agent.resolve, self.ask(), "approve")

    def test_a_key_asks_only_whom_it_may_ask(self):
        held = self.client(self.key("agent", approvers=["boss@example.com"]))
        self.refused(403, "approver", held.create, "x", self.ann)

    def test_an_answer_that_comes_second_or_too_late_is_an_error(self):
        id = self.ask()
        self.refused(400, "action", self.app.resolve, id, "maybe")
        self.app.resolve(id, "approve")
        self.refused(409, "Already approved", self.app.resolve, id, "deny")
        id = self.ask(timeout_minutes=1)
        self.advance(minutes=1)
        self.refused(410, "Expired", self.app.resolve, id, "approve")

    def test_a_spent_budget_is_an_error_that_says_so(self):
        slow = self.client(self.key("agent", requests_per_minute=1))
        slow.create("x", self.ann)
        self.refused(429, "Rate limit exceeded", slow.create, "x", self.ann)

    def test_an_address_that_does_not_exist_answers_with_an_object(self):
        """The client reads every answer as a JSON object, the ones of no operation too."""
        for method, path in [("GET", "/nowhere"), ("PUT", "/decisions"), ("GET", "/decisions/")]:
            answer = httpx.request(method, ORIGIN + path)
            self.assertGreaterEqual(answer.status_code, 400)
            self.assertIsInstance(answer.json()["error"], str)
