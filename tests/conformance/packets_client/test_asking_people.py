"""A checkpoint that names a person, made by the published models with one more member, and read back by them."""

from handoffrail.sdk import ValidationError
from handoffrail.sdk.models import HitlCheckpoint

from desk import Desk, packet

ANN = "ann@example.com"


class AskingPeople(Desk):
    def test_a_person_is_asked_and_the_client_reads_their_answer(self):
        body = packet().build().model_dump(mode="json", exclude_none=True)
        body["hitl"] = {"reason": "Above the limit", "options": ["yes", "no"], "approver": ANN}
        headers = {"X-API-Key": self.key_of("writer")}
        made = self.http.post("/api/v1/packets", json=body, headers=headers)
        self.assertEqual(made.status_code, 201, made.text)
        id = made.json()["id"]
        self.assertEqual(made.json()["hitl"]["approver"], ANN)
        self.assertEqual(self.client.get_packet(id).status, "awaiting_human")
        self.advance(0)
        mails = self.http.get("/local/mail", headers={"Accept": "application/json"}).json()
        page = next(mail for mail in mails if id.replace("-", "") in mail["id"])["links"][0]
        answered = self.http.post(page, data={"choice": "approve", "chosen": "1", "notes": "Ask me tomorrow."})
        self.assertEqual(answered.status_code, 303, answered.text)
        seen = self.client.get_packet(id)
        self.assertEqual((seen.status, seen.hitl.response, seen.hitl.responded_by), ("claimed", "no", ANN))
        self.assertEqual(seen.hitl.notes, "Ask me tomorrow.")
        self.assertIsInstance(seen.hitl, HitlCheckpoint)
        self.assertEqual(self.client.get_history(id).events[-1].actor, f"human:{ANN}")
        with self.assertRaises(ValidationError) as late:
            self.client.respond_to_hitl(id, response="yes", responded_by="tom")
        self.assertEqual(late.exception.status_code, 409)
