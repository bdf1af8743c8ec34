"""What came out, with every bit of every number, for the comparison with the other side."""

import json
import math
import struct
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path


class Record:
    """Numbers by name. Each name is one check: rows of hexadecimal bit patterns, or of words."""

    def __init__(self) -> None:
        self._checks: dict[str, dict[str, object]] = {}

    def floats(self, name: str, rows: Iterable[Iterable[float | None] | None]) -> None:
        """Numbers of 32 bits."""
        self._put(name, "float32", ([_bits(">f", value) for value in row or ()] for row in rows))

    def doubles(self, name: str, values: Iterable[float | None]) -> None:
        """Numbers of 64 bits."""
        self._put(name, "float64", ([_bits(">d", value)] for value in values))

    def metrics(self, name: str, rows: Iterable[Mapping[str, float]]) -> None:
        """Metrics, with their names."""
        words = ([f"{key}={_bits('>d', row[key])}" for key in sorted(row)] for row in rows)
        self._put(name, "metrics", words)

    def wholes(self, name: str, rows: Iterable[Iterable[int]]) -> None:
        """Whole numbers."""
        self._put(name, "whole", ([str(int(value)) for value in row] for row in rows))

    def words(self, name: str, values: Iterable[object]) -> None:
        """Text, truth and lack of a value."""
        self._put(name, "words", ([_word(value)] for value in values))

    def write(self, path: str) -> None:
        Path(path).write_text(json.dumps(self._checks))

    def _put(self, name: str, kind: str, rows: Iterable[Sequence[str]]) -> None:
        if name in self._checks:
            raise ValueError(f"{name} is recorded twice")
        self._checks[name] = {"kind": kind, "rows": [list(row) for row in rows]}


def _bits(form: str, value: float | None) -> str:
    if value is None or math.isnan(value):
        return "none"
    return struct.pack(form, value).hex()


def _word(value: object) -> str:
    if value is None:
        return "none"
    return str(value).lower() if isinstance(value, bool) else str(value)
