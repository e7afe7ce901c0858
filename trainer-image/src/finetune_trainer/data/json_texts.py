"""JSON out of the data: what the parser stumbles over, in words.

Data comes from strangers, and some of it is written to break a parser: nested without end, numbers
of a million digits, halves of characters that no encoder takes later. `readers` parses rows here,
`kinds` what a cell of a table holds.
"""

import json
from typing import Any


class JsonTextError(ValueError):
    """A text is no JSON that can be used; the message says why."""


def parse_json(text: str) -> Any:
    """Parse a text.

    Raises:
        JsonTextError: it is no JSON, or none that can be used.
    """
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        raise JsonTextError(f"{error.msg.removesuffix(' at')} at column {error.colno}") from error
    except RecursionError as error:
        raise JsonTextError("it is nested too deeply") from error
    except ValueError as error:  # Python takes no whole numbers of more than 4300 digits
        raise JsonTextError("it holds a number of thousands of digits") from error
    if "\\u" in text and _holds_half_a_character(found):
        raise JsonTextError("it holds half of a character (a lone surrogate)")
    return found


def _holds_half_a_character(found: Any) -> bool:
    try:
        json.dumps(found, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False
