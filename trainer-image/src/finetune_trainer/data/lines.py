"""The lines of a text file, decoded one by one, so that a byte that is no UTF-8 has a line number.

`readers` goes through them. A line that cannot be decoded is given with marks in the place of the
bad bytes, so that reading goes on behind it; the reader asks what was wrong as soon as it has the
row.
"""

from collections.abc import Iterator
from pathlib import Path

from finetune_trainer.data.tables import BrokenRow


class DecodedLines:
    """Goes through a file once.

    Attributes:
        place: what to call the file in messages.
    """

    def __init__(self, path: Path, place: str) -> None:
        self.place = place
        self._path = path
        self._undecoded: BrokenRow | None = None

    def __iter__(self) -> Iterator[str]:
        with self._path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                encoding = "utf-8-sig" if number == 1 else "utf-8"
                try:
                    text = line.decode(encoding)
                except UnicodeDecodeError as error:
                    self._undecoded = self._undecoded or BrokenRow(
                        f"{self.place} line {number} is not UTF-8: byte"
                        f" 0x{line[error.start]:02x} at position {error.start + 1}",
                        "save the file as UTF-8",
                    )
                    text = line.decode(encoding, errors="replace")
                yield text

    def pop_undecoded(self) -> BrokenRow | None:
        """Say what was wrong with the lines since the last question; None when nothing was."""
        found, self._undecoded = self._undecoded, None
        return found
