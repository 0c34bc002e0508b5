"""Each error has its own type, as the client's documentation says."""

import httpx
from handoffrail.sdk import (
    AuthenticationError, ConnectionError, HandoffRailClient, NotFoundError, RateLimitError, ServerError, ValidationError,
)

from desk import ADMIN_KEY, BASE_URL, NOBODY, Desk, packet


class Refusals(Desk):
    def test_without_a_key_nobody_comes_in(self):
        with self.assertRaises(AuthenticationError) as unknown:
            self.client_of("hr_" + "x" * 43).list_packets()
        self.assertEqual((unknown.exception.status_code, unknown.exception.message), (401, "Invalid API key"))
        bare = self.http.get("/api/v1/packets", headers={"Authorization": f"Bearer {ADMIN_KEY}"})
        self.assertEqual((bare.status_code, bare.json()["detail"]), (401, "Missing X-API-Key header"))

    def test_what_is_not_there_is_not_found(self):
        for call in (self.client.get_packet, self.client.get_history, self.client.delete_packet, self.claim,
                     self.client.complete_packet):
            with self.assertRaises(NotFoundError) as missing:
                call(NOBODY)
            self.assertEqual((missing.exception.status_code, missing.exception.message), (404, f"Packet {NOBODY} not found"))

    def test_what_is_wrong_is_named(self):
        refused = self.http.post("/api/v1/packets", json={"metadata": {}}, headers={"X-API-Key": ADMIN_KEY})
        self.assertEqual(refused.status_code, 400)
        with self.assertRaises(ValidationError) as empty:
            self.client._request("POST", "/packets", json_data={
                "metadata": {"source_agent": {"id": "a", "name": "A"}, "target_agent": {"id": "b"}},
                "context": {"summary": "s"},
            })
        error = empty.exception
        self.assertEqual((error.status_code, error.field), (400, "metadata.target_agent.name"))
        self.assertIsInstance(error.message, str)
        self.assertEqual(error.response_body["errors"][0]["loc"], ["body", "metadata", "target_agent", "name"])

    def test_the_loser_of_a_claim_learns_who_holds_it(self):
        made = self.made()
        self.claim(made.id, "first")
        with self.assertRaises(ValidationError) as lost:
            self.claim(made.id, "second")
        self.assertEqual(lost.exception.status_code, 409)
        self.assertIn("already claimed", lost.exception.message)
        self.assertEqual(lost.exception.response_body["detail"], {
            "message": f"Packet {made.id} is already claimed",
            "claimed_by": {"id": "first", "name": "The first", "framework": "crewai"},
        })

    def test_a_role_that_may_not_is_told_so(self):
        reader = self.client_of(self.key_of("reader"))
        with self.assertRaises(ServerError) as refused:
            reader.create_packet(packet().build())
        self.assertEqual(refused.exception.status_code, 403)
        self.assertEqual(
            refused.exception.response_body["detail"],
            "Insufficient permissions. Required role: writer, current role: reader",
        )
        self.assertEqual(reader.get_packet(self.made().id).status, "created")
        agent = self.client_of(self.key_of("agent"))
        waiting = self.made(reason="Large sum")
        with self.assertRaises(ServerError):
            agent.respond_to_hitl(waiting.id, response="yes", responded_by="ann")
        self.assertEqual(self.client.get_packet(waiting.id).status, "awaiting_human")

    def test_too_many_requests_say_when_to_come_back(self):
        headers = {"Authorization": f"Bearer {ADMIN_KEY}"}
        made = self.http.post("/auth/api-keys", json={"name": "slow", "requests_per_minute": 1}, headers=headers)
        slow = self.client_of(made.json()["key"])
        slow.list_packets()
        with self.assertRaises(RateLimitError) as refused:
            slow.list_packets()
        self.assertIsInstance(refused.exception.retry_after, int)
        self.assertEqual(refused.exception.response_body["field"], "rate_limit")

    def test_nobody_there_is_a_connection_error(self):
        nowhere = HandoffRailClient(base_url="http://127.0.0.1:9/api/v1", api_key="x", max_retries=0)
        self.addCleanup(nowhere.close)
        with self.assertRaises(ConnectionError):
            nowhere.list_packets()

    def test_every_answer_is_json(self):
        for method, path, status in (
            ("PUT", "/packets", 405), ("GET", "/nothing", 404), ("POST", "/packets", 400), ("GET", "/packets/no-id", 400),
        ):
            answer = httpx.request(method, BASE_URL + path, content=b"{", headers={"X-API-Key": ADMIN_KEY})
            self.assertEqual(answer.status_code, status, path)
            self.assertIsInstance(answer.json()["detail"], str, path)
