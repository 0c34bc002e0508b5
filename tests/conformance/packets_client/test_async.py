"""The asynchronous client, and an agent's adapter as the package brings it."""

import asyncio

from handoffrail.sdk import NotFoundError, PacketUpdate, ValidationError

from desk import NOBODY, AsyncDesk, chained, packet


class Async(AsyncDesk):
    async def test_from_one_agent_to_the_next(self):
        made = await self.client.create_packet(packet("By an async client").build())
        self.assertEqual(await self.client.get_packet(made.id), made)
        claimed = await self.client.claim_packet(made.id, agent_id="async-1", agent_name="Async")
        self.assertEqual((claimed.status, claimed.metadata.target_agent.framework), ("claimed", None))
        page = await self.client.list_packets(target_agent="async-1")
        self.assertEqual([packet.id for packet in page.packets], [made.id])
        working = await self.client.update_packet(made.id, PacketUpdate(status="in_progress"))
        self.assertEqual(working.status, "in_progress")
        self.assertEqual((await self.client.complete_packet(made.id)).status, "completed")
        child = await self.client.chain_handoff(made.id, chained("And on").build())
        self.assertEqual(child.parent_packet_id, made.id)
        events = (await self.client.get_history(made.id)).events
        self.assertEqual([event.event_type for event in events], ["created", "claimed", "in_progress", "completed", "chained"])
        await self.client.delete_packet(child.id)
        self.assertEqual((await self.client.get_packet(child.id)).status, "expired")

    async def test_a_person_answers_at_a_checkpoint(self):
        made = await self.client.create_packet(packet("Waits").with_hitl(reason="Large sum").build())
        waiting = await self.client.get_awaiting(limit=200)
        self.assertIn(made.id, [packet.id for packet in waiting.packets])
        answered = await self.client.respond_to_hitl(made.id, response="yes", responded_by="ann")
        self.assertEqual((answered.status, answered.hitl.response), ("claimed", "yes"))

    async def test_of_ten_claims_at_once_one_wins(self):
        made = await self.client.create_packet(packet("For one").build())

        async def claim(number):
            return await self.client.claim_packet(made.id, agent_id=f"racer-{number}", agent_name="Racer")

        ends = await asyncio.gather(*(claim(number) for number in range(10)), return_exceptions=True)
        won = [end for end in ends if not isinstance(end, Exception)]
        self.assertEqual(len(won), 1, ends)
        holder = won[0].metadata.target_agent.id
        for end in ends:
            if isinstance(end, Exception):
                self.assertIsInstance(end, ValidationError)
                self.assertEqual(end.response_body["detail"]["claimed_by"]["id"], holder)

    async def test_errors_have_their_types(self):
        with self.assertRaises(NotFoundError):
            await self.client.get_packet(NOBODY)
        made = await self.client.create_packet(packet("Refused").build())
        with self.assertRaises(ValidationError):
            await self.client.complete_packet(made.id)
