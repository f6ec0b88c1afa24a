"""Short hashes that name content: the annotation on each child object, revisions, and plans that were refused."""

import hashlib
import json


def digest(content: object, length: int = 16) -> str:
    """The first `length` hexadecimal digits of the SHA-256 of plain data; the order of keys in mappings does not matter."""
    canonical = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:length]
