"""Short hashes that name content: the annotation on each child object, the revisions of files, and refused plans.

They detect a change; they protect nothing from an attacker, so a part of a SHA-256 is enough.
"""

import hashlib
import json


def digest(content: object, length: int = 16) -> str:
    """The first `length` hexadecimal digits of the SHA-256 of JSON-serializable data. The order of keys in mappings does not matter."""
    canonical = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:length]
