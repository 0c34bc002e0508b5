"""What a person does on the page, as the agent reads it."""

from datetime import datetime, timedelta

from the_handover import (
    ChooseResponse, ConfirmResponse, NumberInputResponse, ScheduleResponse, TextInputResponse,
)

from desk import Desk


class PageAnswers(Desk):
    def answered(self, question, **form):
        id = self.ask(response_type=question)
        self.tap(**{"choice": "approve"} | form)
        return self.agent.poll(id)

    def test_what_is_picked_typed_and_confirmed_reaches_the_agent(self):
        fields = [TextInputResponse.field("reason", "Why?", required=True), TextInputResponse.field("note", "Anything else?")]
        for question, form, data, notes in [
            (ChooseResponse(["small", "Größe L"]), {"chosen": "1"}, {"chosen": "Größe L"}, "Größe L"),
            (NumberInputResponse("How many?", max=20), {"value": "15"}, {"value": 15}, "15"),
            (NumberInputResponse(), {"value": "0.5", "notes": "half a one"}, {"value": 0.5}, "half a one"),
            (TextInputResponse(fields), {"text-0": "too\r\nsmall", "text-1": ""}, {"reason": "too\nsmall", "note": ""}, None),
            (ConfirmResponse(), {}, None, None),
            (ScheduleResponse(), {"choice": "now"}, None, None),
        ]:
            with self.subTest(question=question):
                decision = self.answered(question, **form)
                self.assertEqual((decision.status.value, decision.response_data, decision.response_notes), ("approved", data, notes))

    def test_a_time_that_is_picked_reaches_the_agent(self):
        at = datetime.fromisoformat(self.now().replace("Z", "+00:00")) + timedelta(days=2)
        decision = self.answered(ScheduleResponse(allow_immediate=False), date=at.strftime("%Y-%m-%d"), time=at.strftime("%H:%M"))
        self.assertTrue(decision.scheduled)
        self.assertEqual(decision.execute_at, at.strftime("%Y-%m-%dT%H:%M:00.000Z"))
