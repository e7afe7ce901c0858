"""Stable numbers for rows: who is held out, who is in the subset, and what the data was.

Python's own hash changes with every process; these do not, on any machine. The split and the
fingerprint go by them, so they may never change for data that stays the same.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from typing import Any

from finetune_trainer.data.tables import Part


def hash_row(values: Sequence[Any], salt: str) -> int:
    """Give 64 bits for what identifies a row; another salt gives an unrelated order."""
    content = json.dumps(list(values), ensure_ascii=False, default=repr)
    digest = hashlib.blake2b(
        content.encode("utf-8", "surrogatepass"), digest_size=8, salt=_fold(salt)
    )
    return int.from_bytes(digest.digest(), "big")


def fingerprint_parts(parts: Iterable[Part]) -> str:
    """Give the SHA-256 over every row of every part, in order."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(f"\x00{part.name}\x00{len(part)}\x00".encode())
        for name in sorted(part.table.columns):
            digest.update(f"\x00{name}\x00".encode())
            for value in part.column(name):
                text = value if isinstance(value, str) else json.dumps(value, default=repr)
                digest.update(text.encode("utf-8", "surrogatepass") + b"\x1f")
    return digest.hexdigest()


def _fold(salt: str) -> bytes:
    return hashlib.sha256(salt.encode()).digest()[:16]
