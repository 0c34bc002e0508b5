"""Webhooks by the published client, and a receiver who checks what it gets with nothing but Python's own library."""

import asyncio
import base64
import hashlib
import hmac
import json
import uuid

from handoffrail.sdk import NotFoundError, ServerError, ValidationError

from desk import NOBODY, ORIGIN, AsyncDesk, Desk, numbers

SECRET = "a secret that the receiver drew"
USUAL = ["packet.created", "packet.claimed", "packet.completed", "packet.failed"]


class Hooks(Desk):
    def setUp(self):
        super().setUp()
        # Hooks hear of every test's packets.
        self.addCleanup(self.take_all_away)

    def take_all_away(self):
        for hook in self.client.list_webhooks():
            if hook.active:
                self.client.delete_webhook(hook.id)

    def hooked(self, **options):
        name = f"hook-{next(numbers)}-{uuid.uuid4().hex[:8]}"
        url = f"{ORIGIN}/local/hooks/in/{name}"
        return name, self.client.register_webhook(url=url, secret=SECRET, **options)

    def received(self, name):
        self.advance(0)
        calls = self.http.get("/local/hooks", headers={"Accept": "application/json"}).json()["received"]
        return [{"headers": dict(call["headers"]), "body": call["body"]} for call in calls if call["name"] == name]

    def test_a_hook_is_registered_listed_and_taken_away(self):
        _, hook = self.hooked()
        self.assertEqual(str(uuid.UUID(hook.id)), hook.id)
        self.assertEqual((hook.events, hook.active), (USUAL, True))
        self.assertTrue(hook.tenant_id)
        self.assertIn(hook, self.client.list_webhooks())
        self.client.delete_webhook(hook.id)
        left = next(one for one in self.client.list_webhooks() if one.id == hook.id)
        self.assertFalse(left.active)
        with self.assertRaises(ValidationError) as again:
            self.client.delete_webhook(hook.id)
        self.assertEqual(again.exception.status_code, 409)
        for absent in (NOBODY, "x"):
            with self.assertRaises(NotFoundError):
                self.client.delete_webhook(absent)

    def test_what_a_hook_gets_is_signed_with_its_secret(self):
        name, hook = self.hooked(events=["packet.created", "packet.completed"])
        made = self.made()
        self.claim(made.id)
        self.client.complete_packet(made.id)
        calls = self.received(name)
        told = {call["headers"]["x-hr-event"]: json.loads(call["body"]) for call in calls}
        self.assertEqual(set(told), {"packet.created", "packet.completed"})
        for event, body in told.items():
            self.assertEqual((body["event"], body["packet_id"]), (event, str(made.id)))
        self.assertEqual(told["packet.completed"]["metadata"]["target_agent"]["id"], "billing-01")
        for call in calls:
            headers, body = call["headers"], call["body"].encode()
            mac = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
            self.assertRegex(headers["x-hr-signature"], "^[0-9a-f]{64}$")
            self.assertEqual((headers["x-hr-signature"], headers["x-hr-signature-256"]), (mac, f"sha256={mac}"))
            signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
            standard = base64.b64encode(hmac.new(SECRET.encode(), signed, hashlib.sha256).digest()).decode()
            self.assertEqual(headers["webhook-signature"], f"v1,{standard}")
        listed = self.client.list_webhook_deliveries(hook.id)
        self.assertEqual({one["id"] for one in listed}, {call["headers"]["x-hr-delivery-id"] for call in calls})
        self.assertTrue(all(one["status"] == "delivered" and one["webhook_id"] == hook.id for one in listed))
        self.assertEqual(self.client.list_webhook_deliveries(hook.id, status="dead_letter"), [])
        self.assertEqual(len(self.client.list_webhook_deliveries(hook.id, limit=1, offset=1)), 1)

    def test_a_bad_hook_is_refused_by_name(self):
        with self.assertRaises(ValidationError) as inside:
            self.client.register_webhook(url="http://169.254.169.254/", secret=SECRET)
        self.assertEqual((inside.exception.status_code, inside.exception.field), (400, "url"))
        agent = self.client_of(self.key_of("agent"))
        with self.assertRaises(ServerError) as refused:
            agent.list_webhooks()
        self.assertEqual(refused.exception.status_code, 403)


class AsyncHooks(AsyncDesk):
    async def test_the_async_client_does_the_same(self):
        hook = await self.client.register_webhook(url=f"{ORIGIN}/local/hooks/in/async", secret=SECRET, events=["packet.expired"])
        self.assertEqual(hook.events, ["packet.expired"])
        self.assertEqual(await self.client.list_webhook_deliveries(hook.id), [])
        await asyncio.gather(self.client.list_webhooks(), self.client.delete_webhook(hook.id))
        with self.assertRaises(ValidationError):
            await self.client.delete_webhook(hook.id)
