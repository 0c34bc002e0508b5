"""What a person does on the page, as the agent reads it."""

from datetime import datetime, timedelta

import httpx
from the_handover import (
    ChooseResponse, ConfirmResponse, FileUploadResponse, NumberInputResponse, ScheduleResponse, TextInputResponse,
)

from desk import Desk

PDF = b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"


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

    def test_files_that_are_uploaded_reach_the_agent(self):
        id = self.ask(response_type=FileUploadResponse("The scan", max_files=2, accept=[".pdf", "text/plain"]))
        files = [("file", ("Scan für uns.pdf", PDF, "application/pdf")), ("file", ("note.txt", b"as asked", "text/plain"))]
        tapped = self.http.post(self.page(), data={"choice": "approve"}, files=files)
        self.assertEqual(tapped.status_code, 303, tapped.text)
        decision = self.agent.poll(id)
        self.assertTrue(decision.approved)
        uploaded = decision.response_data["uploaded_files"]
        self.assertEqual([(file["name"], file["type"], file["size"]) for file in uploaded],
                         [("Scan für uns.pdf", "application/pdf", len(PDF)), ("note.txt", "text/plain", 8)])
        self.assertEqual([httpx.get(file["url"], follow_redirects=True).content for file in uploaded], [PDF, b"as asked"])
