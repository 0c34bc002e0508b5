"""An account says how contexts look; packets that name a schema are held to it."""

import base64
import random

from handoffrail.sdk import AuthenticationError, NotFoundError, ServerError, ValidationError

from desk import NOBODY, AsyncDesk, Desk, packet

ORDER = {
    "type": "object",
    "properties": {"custom": {"type": "object", "properties": {"sum": {"type": "number", "minimum": 0}}, "required": ["sum"]}},
}


class Schemas(Desk):
    def test_a_schema_is_registered_listed_and_seen(self):
        made = self.client.create_schema(name="order", json_schema=ORDER, version=2)
        self.assertEqual((made.name, made.version, made.json_schema), ("order", 2, ORDER))
        self.assertEqual(self.client.get_schema(made.id), made)
        listed = self.client.list_schemas(limit=200)
        self.assertIn(made, listed.schemas)
        self.assertGreaterEqual(listed.total, 1)
        for absent in (NOBODY, "x"):
            with self.assertRaises(NotFoundError):
                self.client.get_schema(absent)

    def test_what_is_no_schema_is_refused(self):
        with self.assertRaises(ValidationError) as refused:
            self.client.create_schema(name="bad", json_schema={"type": "objekt"})
        self.assertEqual((refused.exception.status_code, refused.exception.field), (400, "json_schema"))

    def test_an_agent_registers_nothing(self):
        agent = self.client_of(self.key_of("agent"))
        with self.assertRaises(ServerError) as refused:
            agent.create_schema(name="order", json_schema=ORDER)
        self.assertEqual(refused.exception.status_code, 403)
        with self.assertRaises(AuthenticationError):
            self.client_of("hr_" + "x" * 43).list_schemas()

    def test_a_packet_is_held_to_its_schema(self):
        schema = self.client.create_schema(name="order", json_schema=ORDER)
        wanted = packet().build()
        wanted.schema_id = schema.id
        made = self.client.create_packet(wanted)
        self.assertEqual(made.context.custom["sum"], 12.25)
        wanted.context.custom["sum"] = -1
        with self.assertRaises(ValidationError) as refused:
            self.client.create_packet(wanted)
        self.assertEqual(refused.exception.field, "context.custom.sum")
        wanted.schema_id = NOBODY
        with self.assertRaises(ValidationError) as unknown:
            self.client.create_packet(wanted)
        self.assertEqual(unknown.exception.field, "schema_id")


class Large(Desk):
    def test_what_nothing_makes_smaller_comes_back_whole(self):
        text = base64.b85encode(random.Random(7).randbytes(800_000)).decode()
        wanted = packet().build()
        wanted.context.custom = {"text": text}
        made = self.client.create_packet(wanted)
        self.assertEqual(self.client.get_packet(made.id).context.custom["text"], text)
        taken = self.claim(made.id)
        self.assertEqual(taken.context.custom["text"], text)


class AsyncSchemas(AsyncDesk):
    async def test_a_schema_is_seen_by_the_async_client(self):
        made = await self.client.create_schema(name="order", json_schema=ORDER)
        self.assertEqual(await self.client.get_schema(made.id), made)
