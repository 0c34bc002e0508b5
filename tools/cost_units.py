"""Measures what a decision and a packet write to the table, for tools/cost.

It starts a `handrail` program on a new data folder, runs one story of each kind over HTTP, and reads the stream of the embedded
table: each write with the item before and after it. From these images it computes DynamoDB's write units, those of the table
and those of the indexes, by the rules in `write_units`. The program's own limits and counts of keys are left out, because they
depend on how many requests a process gets: tools/cost adds them from docs/performance.md.
"""

import base64
import datetime
import json
import sqlite3
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

KEY = "ho_key_of_the_cost_measurement"
KB = 1024
ITEM_UNIT = KB
SETTLED_SECONDS = 1.5
SETTLE_SECONDS_MAX = 30
START_SECONDS_MAX = 30

DECISION = {
    "action": "Refund order 1234 (80 EUR)",
    "context": "The customer received the wrong size twice. The refund goes to the original card, and the customer keeps the goods.",
    "approver": "ann@example.com",
    "timeout_minutes": 60,
}
PACKET = {
    "metadata": {
        "source_agent": {"id": "intake", "name": "Intake"},
        "target_agent": {"id": "billing", "name": "Billing"},
        "tags": ["refund"],
    },
    "context": {
        "summary": "Order 1234 came in the wrong size twice; the customer wants the money back.",
        "conversation_history": [
            {"role": "user", "content": "This is the second time that my order has the wrong size. I want my money back."},
            {"role": "assistant", "content": "I am sorry about that. I have found order 1234 and pass it to billing."},
        ],
    },
}


def attribute_size(value: dict) -> int:
    """Returns the size of a value as DynamoDB counts it."""
    (kind, content), = value.items()
    if kind == "S":
        return len(content.encode())
    if kind == "N":
        return (len(content.strip("-").replace(".", "")) + 1) // 2 + 1
    if kind == "B":
        return len(base64.b64decode(content))
    if kind in ("BOOL", "NULL"):
        return 1
    if kind == "M":
        return 3 + sum(1 + len(name.encode()) + attribute_size(inner) for name, inner in content.items())
    if kind == "L":
        return 3 + sum(1 + attribute_size(inner) for inner in content)
    return sum(attribute_size({kind[:-1]: inner}) for inner in content)


def item_size(item: dict | None) -> int:
    return sum(len(name.encode()) + attribute_size(value) for name, value in (item or {}).items())


def units(size: int) -> int:
    return max(1, -(-size // ITEM_UNIT))


def projected(item: dict | None, index: dict) -> dict | None:
    """Returns the item's entry in an index, if it has both keys of the index."""
    keys = [key["AttributeName"] for key in index["KeySchema"]]
    if item is None or any(key not in item for key in keys):
        return None
    names = {"pk", "sk", *keys, *index["Projection"].get("NonKeyAttributes", [])}
    return {name: value for name, value in item.items() if name in names}


def index_units(old: dict | None, new: dict | None, index: dict) -> int:
    before, after = projected(old, index), projected(new, index)
    if before == after:
        return 0
    keys = [key["AttributeName"] for key in index["KeySchema"]]
    if before and after and any(before[key] != after[key] for key in keys):
        return units(item_size(before)) + units(item_size(after))
    return units(max(item_size(before), item_size(after)))


def is_transactional(keys: tuple[str, str], old: dict | None, new: dict | None) -> bool:
    """Returns `True` for what TransactWriteItems writes: a new packet with its labels, and the counts."""
    pk, sk = keys
    is_new_packet = sk == "head" and old is None and (new or {}).get("kind") == {"S": "packet"}
    return is_new_packet or sk.startswith("label#") or sk == "counted" or pk.startswith("counts#")


def item_name(keys: tuple[str, str]) -> str:
    pk, sk = keys
    if pk.startswith("feed#"):
        return "journal entry"
    if pk.startswith("counts#"):
        return "count"
    known = {"head": "head", "counted": "what is counted"}
    prefixes = {"head.body": "content", "event": "event", "label": "label", "delivery": "delivery"}
    return known.get(sk) or prefixes.get(sk.split("#")[0], sk.split("#")[0])


class Table:
    """The embedded table of a running program."""

    def __init__(self, path: Path):
        self.path, self.position = path, 0

    def rows(self, query: str, *values) -> list:
        connection = sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)
        try:
            return connection.execute(query, values).fetchall()
        finally:
            connection.close()

    def indexes(self) -> list[dict]:
        (text,), = self.rows("select gsi_definitions from _tables where table_name = 'handrail'")
        return json.loads(text)

    def writes(self) -> list[dict]:
        """Waits until the workers have nothing to do, and returns the writes since the last call."""
        newest, since, deadline = -1, time.monotonic(), time.monotonic() + SETTLE_SECONDS_MAX
        while time.monotonic() < deadline and time.monotonic() - since < SETTLED_SECONDS:
            (now,), = self.rows("select coalesce(max(id), 0) from _stream_records where table_name = 'handrail'")
            if now != newest:
                newest, since = now, time.monotonic()
            time.sleep(0.1)
        found = self.rows(
            "select keys_json, new_image, old_image from _stream_records"
            " where table_name = 'handrail' and id > ? and id <= ? order by id", self.position, newest)
        self.position = newest
        indexes, writes = self.indexes(), []
        for keys_json, new_json, old_json in found:
            keys = json.loads(keys_json)
            keys = (keys["pk"]["S"], keys["sk"]["S"])
            if keys[0].startswith(("limit#", "key#")):
                continue
            new, old = (json.loads(text) if text else None for text in (new_json, old_json))
            transactional = is_transactional(keys, old, new)
            size = max(item_size(new), item_size(old))
            writes.append({
                "item": item_name(keys),
                "bytes": size,
                "stored_bytes": item_size(new) - item_size(old),
                "transactional": transactional,
                "units": units(size) * (2 if transactional else 1),
                # A transaction costs twice in the table, and once in the indexes.
                "index_units": sum(index_units(old, new, index) for index in indexes),
            })
        return writes


class Service:
    def __init__(self, program: str, folder: Path):
        command = [program, "--port", "0", "--data", str(folder), "--key", KEY]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.origin = self.process.stdout.readline().rsplit(" ", 1)[-1].strip()
        if not self.origin.startswith("http://"):
            raise SystemExit(f"cost: {program} did not start")

    def call(self, method: str, path: str, body=None, form=None, headers=None) -> tuple[int, bytes]:
        data = json.dumps(body).encode() if body is not None else None
        data = urllib.parse.urlencode(form).encode() if form is not None else data
        kind = "application/x-www-form-urlencoded" if form is not None else "application/json"
        authority = {"Authorization": f"Bearer {KEY}", "X-API-Key": KEY} if not path.startswith("/d/") else {}
        request = urllib.request.Request(
            self.origin + path, data=data, method=method, headers={"Content-Type": kind, **authority, **(headers or {})})
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=START_SECONDS_MAX) as response:
                return response.status, response.read()
        except urllib.error.HTTPError as error:
            raise SystemExit(f"cost: {method} {path} returned {error.code}: {error.read()[:300]!r}") from error

    def json(self, method: str, path: str, body=None) -> dict:
        return json.loads(self.call(method, path, body, headers={"Accept": "application/json"})[1])

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=START_SECONDS_MAX)


def today() -> str:
    return datetime.date.today().isoformat()


def summary(writes: list[dict]) -> dict:
    total = lambda field: sum(write[field] for write in writes)
    return {
        "write_units": total("units"),
        "index_write_units": total("index_units"),
        "stored_bytes": total("stored_bytes"),
        "writes": [{field: write[field] for field in ("item", "bytes", "units", "index_units", "transactional")} for write in writes],
    }


def measure(program: str) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        service = Service(program, Path(folder))
        try:
            table = Table(Path(folder) / "handrail.db")
            table.writes()
            decision = dict(DECISION, callback_url=f"{service.origin}/local/hooks/in/cost")
            service.json("POST", "/decisions", decision)
            found = {"decision": {"create": summary(table.writes())}}
            page = urllib.parse.urlparse(service.json("GET", "/local/mail")[0]["links"][0]).path
            body = service.call("GET", page)[1]
            found["decision"]["page"] = {**summary(table.writes()), "response_bytes": len(body)}
            service.call("POST", page, form={"choice": "approve"})
            found["decision"]["answer"] = summary(table.writes())
            packet = service.json("POST", "/api/v1/packets", PACKET)["id"]
            found["packet"] = {"create": summary(table.writes())}
            claim = {"agent_id": "billing", "agent_name": "Billing"}
            service.json("POST", f"/api/v1/packets/{packet}/claim", claim)
            found["packet"]["claim"] = summary(table.writes())
            service.json("PATCH", f"/api/v1/packets/{packet}", {"status": "completed"})
            found["packet"]["complete"] = summary(table.writes())
            return found
        finally:
            service.stop()
