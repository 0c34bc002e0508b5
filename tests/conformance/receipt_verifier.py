"""Checks a receipt with joserfc, a JOSE library that shares no code with Handrail. Written from docs/receipts.md alone.

Reads {"receipt", "jwks", "claims"} from standard input. Exits with 0 if the receipt is good and every forgery of it is
refused.
"""

import base64
import copy
import json
import sys

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OctKey, OKPKey

REGISTRY = jws.JWSRegistry(algorithms=["EdDSA", "Ed25519"])


def decode(part):
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def encode(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def claims_of(receipt, keys):
    """Returns the claims, or raises an error."""
    signed = jws.deserialize_compact(receipt, keys, registry=REGISTRY)
    if signed.headers()["typ"] != "handrail-receipt+jwt":
        raise ValueError("no receipt")
    return json.loads(signed.payload)


def is_refused(receipt, keys):
    try:
        claims_of(receipt, keys)
    except (JoseError, ValueError):
        return True
    return False


def main():
    given = json.load(sys.stdin)
    receipt, keys = given["receipt"], KeySet.import_key_set(given["jwks"])
    assert claims_of(receipt, keys) == given["claims"]
    header, payload, signature = receipt.split(".")
    head = json.loads(decode(header))
    key = next(key for key in given["jwks"]["keys"] if key["kid"] == head["kid"])
    assert (key["kty"], key["crv"], key["use"]) == ("OKP", "Ed25519", "sig") and "d" not in key
    assert OKPKey.import_key(key).thumbprint() == head["kid"], "the key id is the thumbprint"

    for name in given["claims"]:
        changed = copy.deepcopy(given["claims"])
        changed[name] = "x" if changed[name] != "x" else "y"
        assert is_refused(f"{header}.{encode(changed)}.{signature}", keys), name
    for change in ({"alg": "none"}, {"alg": "HS256"}, {"kid": "another"}, {"typ": "JWT"}):
        forged = encode({**head, **change})
        assert is_refused(f"{forged}.{payload}.{signature}", keys), change
        assert is_refused(f"{forged}.{payload}.", keys), change
    # The public key as the secret of an HMAC.
    secret = OctKey.import_key(decode(key["x"]))
    confused = jws.serialize_compact({**head, "alg": "HS256"}, decode(payload), secret)
    assert is_refused(confused, keys), "HS256"
    assert is_refused(receipt, KeySet([OKPKey.generate_key("Ed25519")])), "a key of another service"


if __name__ == "__main__":
    main()
