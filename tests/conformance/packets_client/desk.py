"""A running Handrail, and agents who hand packets to each other by the published client, unchanged.

The service's clock stands still until a test moves it; everything due is done by then.
"""

import faulthandler
import itertools
import os
import unittest

import httpx
from handoffrail.sdk import AsyncHandoffRailClient, ChainBuilder, HandoffRailClient, PacketBuilder

ORIGIN = os.environ["HANDRAIL_ORIGIN"]
# A move of the clock does all the work that is due until then.
CLOCK_TIMEOUT_SECONDS = 60
BASE_URL = ORIGIN + "/api/v1"
ADMIN_KEY = os.environ["ADMIN_KEY"]
OPERATOR_KEY = os.environ["OPERATOR_KEY"]
# Far more than anything here takes on a busy machine.
PATIENCE_SECONDS = 120
NOBODY = "018f0000-0000-7000-8000-000000000000"
numbers = itertools.count(1)

faulthandler.dump_traceback_later(PATIENCE_SECONDS, exit=True)


def builder(kind, summary, **options):
    built = kind().from_("sales-01", "SalesBot", framework="langchain").to("billing-01", "BillingBot")
    return built.with_summary(summary)


def packet(summary="Upgrade to Business", **options):
    """Everything that a builder can say."""
    return (
        builder(PacketBuilder, summary)
        .with_priority("high")
        .with_tags(["upgrade", "business"])
        .with_conversation([
            {"role": "user", "content": "I want to upgrade", "timestamp": "2026-01-31T09:30:00Z"},
            {"role": "agent", "content": "Gladly.", "metadata": {"model": "x", "cost": 0.5}},
        ])
        .with_artifacts([
            {"key": "quote", "value": {"eur": 490, "lines": [1, None]}, "content_type": "application/json"},
            {"key": "note", "value": "Grüße \u0000 😀"},
            {"key": "seats", "value": ["ann", "bob"]},
        ])
        .with_custom({"depth": {"of": [{"any": True}]}, "sum": 12.25})
        .with_decision("Proceed", rationale="Eligible", alternatives=["Wait"], decided_by="sales-01")
        .with_action("Take the payment", assignee="billing-01", priority="high", depends_on=["a0"])
        .with_dependency("stripe", type="api", description="Payments", status="available", source="ops")
    )


class Desk(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.client = self.client_of(ADMIN_KEY)
        self.http = httpx.Client(base_url=ORIGIN, timeout=CLOCK_TIMEOUT_SECONDS)
        self.addCleanup(self.http.close)

    def client_of(self, key):
        # No retries: what is answered at the second try is a mistake too.
        client = HandoffRailClient(base_url=BASE_URL + "/", api_key=key, max_retries=0)
        self.addCleanup(client.close)
        return client

    def key_of(self, role):
        headers = {"Authorization": f"Bearer {ADMIN_KEY}"}
        body = {"name": f"{role} of the test", "role": role, "approvers": ["*"]}
        made = self.http.post("/auth/api-keys", json=body, headers=headers)
        self.assertEqual(made.status_code, 201, made.text)
        # An account has a hundred at a time, and all tests share one.
        self.addCleanup(self.http.delete, f"/auth/api-keys/{made.json()['id']}", headers=headers)
        return made.json()["key"]

    def advance(self, seconds):
        moved = self.http.post("/local/clock", json={"advance_seconds": seconds})
        self.assertEqual(moved.status_code, 200, moved.text)

    def made(self, summary="Upgrade to Business", client=None, **hitl):
        wanted = packet(summary)
        if hitl:
            wanted.with_hitl(**hitl)
        return (client or self.client).create_packet(wanted.build())

    def claim(self, id, agent="billing-01", client=None):
        return (client or self.client).claim_packet(id, agent_id=agent, agent_name=f"The {agent}", framework="crewai")


class AsyncDesk(unittest.IsolatedAsyncioTestCase):
    maxDiff = None

    async def asyncSetUp(self):
        self.client = AsyncHandoffRailClient(base_url=BASE_URL, api_key=ADMIN_KEY, max_retries=0)
        self.addAsyncCleanup(self.client.close)


def chained(summary):
    return (
        ChainBuilder().from_("billing-01", "BillingBot").to("support-01", "SupportBot").with_summary(summary)
        .with_conversation([{"role": "system", "content": "Paid."}])
    )
