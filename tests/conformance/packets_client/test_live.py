"""The client of live events, over a WebSocket."""

import asyncio

import httpx
from handoffrail.sdk.ws_client import HandoffRailWSClient

from desk import ADMIN_KEY, ORIGIN, PATIENCE_SECONDS, AsyncDesk, packet


class Live(AsyncDesk):
    def setUp(self):
        self.frames = asyncio.Queue()
        # `connect()` of this client returns when the connection ends, so it runs beside the test.
        self.live = HandoffRailWSClient(ORIGIN.replace("http", "ws", 1) + "/ws", api_key=ADMIN_KEY, reconnect=False)
        self.live.on_event = self.frames.put

    async def frame(self):
        return await asyncio.wait_for(self.frames.get(), PATIENCE_SECONDS / 4)

    async def test_it_hears_what_it_subscribed_to(self):
        claimed = []

        async def on_claimed(event):
            claimed.append(event["packet_id"])

        self.live.on_packet_claimed = on_claimed
        listening = asyncio.create_task(self.live.connect())
        self.assertEqual((await self.frame())["type"], "connected")
        await self.live.subscribe("agent:listener-01")
        self.assertEqual(await self.frame(), {"type": "subscribed", "channel": "agent:listener-01"})
        other = await self.client.create_packet(packet("For somebody else").build())
        made = await self.client.create_packet(packet("For the listener").to("listener-01", "Listener").build())
        await self.client.claim_packet(other.id, agent_id="somebody-01", agent_name="Somebody")
        await self.client.claim_packet(made.id, agent_id="listener-01", agent_name="Listener")
        # Everything that is due is done by then.
        httpx.post(ORIGIN + "/local/clock", json={"advance_seconds": 0}).raise_for_status()
        told = [await self.frame(), await self.frame()]
        self.assertEqual([event["type"] for event in told], ["packet.created", "packet.claimed"])
        self.assertEqual([event["packet_id"] for event in told], [str(made.id)] * 2)
        self.assertEqual(claimed, [str(made.id)])
        await self.live.ping()
        self.assertEqual((await self.frame())["type"], "pong")
        await self.live.unsubscribe("agent:listener-01")
        self.assertEqual((await self.frame())["type"], "unsubscribed")
        await self.live.disconnect()
        await asyncio.wait_for(listening, PATIENCE_SECONDS / 4)
