"""A running Handrail, and people and agents who use it: agents by the published client, unchanged.

The service's clock stands still until a test moves it; everything due is done by then.
"""

import concurrent.futures
import faulthandler
import itertools
import os
import threading
import time
import unittest
from importlib.metadata import version
from unittest import mock

import httpx
from the_handover import Decision, HandoverClient

ORIGIN = os.environ["HANDRAIL_ORIGIN"]
# A move of the clock does all the work that is due until then.
CLOCK_TIMEOUT_SECONDS = 60
VERSION = version("the-handover")
# Far more than anything here takes on a busy machine.
PATIENCE_SECONDS = 120
POLL_SECONDS = 0.05
sleep = time.sleep
numbers = itertools.count(1)

since_0_4 = unittest.skipIf(VERSION == "0.3.0", "0.3.0 is different here")
# Its approve() fails inside the client: test_approve_of_0_4.py holds how.
approve_works = unittest.skipUnless(VERSION == "0.3.0", "approve() of this version breaks inside the client")


class Desk(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        # Ends what hangs, and says where.
        faulthandler.dump_traceback_later(PATIENCE_SECONDS, exit=True)
        self.http = httpx.Client(base_url=ORIGIN, timeout=CLOCK_TIMEOUT_SECONDS)
        self.addCleanup(self.http.close)
        self.admin = httpx.Client(base_url=ORIGIN, headers={"Authorization": f"Bearer {os.environ['ADMIN_KEY']}"})
        self.addCleanup(self.admin.close)
        self.secret = self.key("agent")
        self.agent = self.client(self.secret)
        self.app = self.client(self.key("app"), base_url=ORIGIN + "/")
        self.seen = set()
        # The decorator and the helpers poll every two seconds and take no other interval. Here nobody waits that long.
        self.slept = []
        sleeps = mock.patch("time.sleep", self.sleep_shorter)
        sleeps.start()
        self.addCleanup(sleeps.stop)
        # Of this test alone.
        self.ann = f"ann-{next(numbers)}@example.com"

    def sleep_shorter(self, seconds):
        self.slept.append(seconds)
        sleep(min(seconds, POLL_SECONDS))

    def key(self, role, **fields):
        # These tests are about the client: its keys may ask anyone.
        fields = {"name": f"{role} of the test", "role": role, "approvers": ["*"], **fields}
        made = self.admin.post("/auth/api-keys", json=fields)
        self.assertEqual(made.status_code, 201, made.text)
        # An account has a hundred at a time, and all tests share one.
        self.addCleanup(self.admin.delete, f"/auth/api-keys/{made.json()['id']}")
        return made.json()["key"]

    def client(self, key, base_url=ORIGIN, **options):
        client = HandoverClient(api_key=key, base_url=base_url, **options)
        self.addCleanup(client.close)
        return client

    def ask(self, action="Refund order 1234", client=None, **fields):
        """Asks without waiting and gives the id: 0.3.0 hands out a dict, 0.4.0 a Decision."""
        created = (client or self.agent).create(action, self.ann, **fields)
        return created.id if isinstance(created, Decision) else created["id"]

    def newest(self):
        return self.admin.get("/decisions?limit=1").json()["decisions"][0]["id"]

    def advance(self, minutes=0, seconds=0):
        seconds += minutes * 60
        moved = self.http.post("/local/clock", json={"advance_seconds": seconds})
        self.assertEqual(moved.status_code, 200, moved.text)

    def now(self):
        return self.http.get("/local/clock").json()["now"]

    def mails(self, to=None):
        """Those that were not seen before."""
        self.advance()
        mails = self.http.get("/local/mail", headers={"Accept": "application/json"}).json()
        mails = [mail for mail in mails if mail["to"] == (to or self.ann) and mail["id"] not in self.seen]
        self.seen.update(mail["id"] for mail in mails)
        return mails

    def page(self, to=None):
        """The address in the one mail that came."""
        mails = self.mails(to)
        self.assertEqual(len(mails), 1, mails)
        return mails[0]["links"][0]

    def tap(self, choice, page=None, **fields):
        tapped = self.http.post(page or self.page(), data={"choice": choice, **fields})
        self.assertEqual(tapped.status_code, 303, tapped.text)

    def calls(self, name):
        """What the receiver of that name was sent."""
        self.advance()
        hooks = self.http.get("/local/hooks", headers={"Accept": "application/json"}).json()
        return [call for call in hooks["received"] if call["name"] == name]

    def waiting(self, call, *arguments, client=None, **options):
        """Starts a call of the client that asks and waits, and returns once it has asked."""
        asked = threading.Event()

        def note(response):
            if response.request.method == "POST" and response.request.url.path == "/decisions":
                asked.set()

        # Only looks.
        (client or self.agent)._http.event_hooks["response"] = [note]
        threads = concurrent.futures.ThreadPoolExecutor(1)
        self.addCleanup(threads.shutdown)
        ends = threads.submit(call, *arguments, **options)
        ends.add_done_callback(lambda _: asked.set())
        self.assertTrue(asked.wait(PATIENCE_SECONDS))
        return ends

    def approving(self, action="Refund order 1234", client=None, **fields):
        agent = client or self.agent
        return self.waiting(agent.approve, action, self.ann, client=agent, **fields)
