"""Checks an exported journal and its checkpoint with nothing of Handrail: the hashes of the rows, the root of their tree
and the signature. Written from docs/audit.md alone.

Usage: journal_verifier.py EXPORT CHECKPOINT VKEY
"""

import base64
import csv
import hashlib
import json
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def rows_of_csv(path):
    with open(path, newline="", encoding="utf-8") as file:
        for cells in csv.DictReader(file):
            if cells["number"] == "number":
                continue  # the header of a later part
            row = {name: cell[1:] if cell.startswith("'") else cell for name, cell in cells.items()}
            for name in ("from", "to", "previous_hash", "hash", "personal"):
                row[name] = row[name] or None
            row["number"], row["seq"] = int(row["number"]), int(row["seq"])
            yield row


def rows_of_jsonl(path):
    with open(path, encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def row_hash(row) -> bytes:
    members = ("number", "kind", "record", "seq", "from", "to", "entry")
    text = json.dumps({name: row[name] for name in members}, ensure_ascii=False, separators=(",", ":"))
    return sha256(bytes.fromhex(row["previous_hash"]) + text.encode())


def root(leaves) -> bytes:
    """The Merkle tree hash of RFC 6962, section 2.1."""
    if not leaves:
        return sha256(b"")
    if len(leaves) == 1:
        return sha256(b"\0" + leaves[0])
    middle = 1
    while middle * 2 < len(leaves):
        middle *= 2
    return sha256(b"\1" + root(leaves[:middle]) + root(leaves[middle:]))


def check_signature(note: str, vkey: str) -> str:
    """Returns the text of the note, which the key signed."""
    name, key_hash, encoded = vkey.strip().split("+", 2)
    key = base64.b64decode(encoded)
    assert key[0] == 1, "the key is no Ed25519 key"
    assert sha256(name.encode() + b"\n" + key)[:4].hex() == key_hash, "the key's hash is another key's"
    text, signatures = note.rsplit("\n\n", 1)
    text += "\n"
    for line in signatures.splitlines():
        dash, signer, signature = line.split(" ")
        signature = base64.b64decode(signature)
        if (dash, signer, signature[:4].hex()) == ("\u2014", name, key_hash):
            Ed25519PublicKey.from_public_bytes(key[1:]).verify(signature[4:], text.encode())
            return text
    raise AssertionError("the key did not sign the note")


def main(export, checkpoint, vkey):
    with open(checkpoint, encoding="utf-8") as file:
        origin, size, expected_root = check_signature(file.read(), vkey).splitlines()[:3]
    tenant = origin.rsplit("/", 1)[1]
    leaves, number, previous = [], 0, sha256(f"journal#{tenant}".encode())
    for row in rows_of_csv(export) if export.endswith(".csv") else rows_of_jsonl(export):
        number += 1
        assert row["number"] == number, f"row {number} is missing or moved"
        assert row["previous_hash"] == previous.hex(), f"row {number} does not continue the row before"
        previous = row_hash(row)
        assert row["hash"] == previous.hex(), f"row {number} was changed"
        if row.get("personal"):
            stated = json.loads(row["entry"]).get("personal_sha256")
            assert stated == sha256(row["personal"].encode()).hex(), f"the personal values of row {number} were changed"
        leaves.append(previous)
    size = int(size)
    assert len(leaves) >= size, f"row {len(leaves) + 1} is missing"
    assert root(leaves[:size]) == base64.b64decode(expected_root), f"the checkpoint covers other rows than 1 to {size}"
    print(f"{size} rows are as the checkpoint says")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except (AssertionError, InvalidSignature) as error:
        sys.exit(f"refused: {error or 'the signature is wrong'}")
