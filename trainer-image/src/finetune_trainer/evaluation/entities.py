"""Entities in tagged words, and how well they are found: whole spans, not single words.

TokenClassification uses it. seqeval, which others use for this, has had no release since 2020, and
the evaluate library fetches it from a hub; what is needed of it is small, and tested here against
the rules of the CoNLL-2000 scorer.

Tags are read as BIO, BIOES or BILOU: `B-PER` begins a person, `I-PER` goes on, `E-` or `L-` ends
one, `S-` or `U-` is one of a single word, `O` is nothing. An `I-` that nothing began, begins one. A
tag without such a prefix, such as NOUN, stands for its own word alone.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from finetune_trainer.tasks.base import Scores

OUTSIDE = "O"
GOING_ON = frozenset({"I", "E", "L"})
ENDING = frozenset({"E", "L", "S", "U"})
PREFIXES = GOING_ON | ENDING | {"B"}


@dataclass(frozen=True, slots=True)
class Entity:
    """Some words that mean something together.

    Attributes:
        kind: what they are, `PER`.
        start: the number of the first word.
        end: the number of the word behind the last.
    """

    kind: str
    start: int
    end: int


def find_entities(tags: Sequence[str]) -> list[Entity]:
    """Read the entities of one row."""
    found: list[Entity] = []
    is_open = False
    for place, tag in enumerate(tags):
        prefix, kind = _split_tag(tag)
        if is_open and prefix in GOING_ON and found[-1].kind == kind:
            found[-1] = Entity(kind, found[-1].start, place + 1)
        elif kind:
            found.append(Entity(kind, place, place + 1))
        is_open = kind != "" and prefix not in ENDING
    return found


def score_entities(wanted: Iterable[Sequence[str]], given: Iterable[Sequence[str]]) -> Scores:
    """Score the tags of rows: entities that are right in kind, start and end, over all rows."""
    counts: Counter[str] = Counter()
    for wanted_tags, given_tags in zip(wanted, given, strict=True):
        expected, found = set(find_entities(wanted_tags)), set(find_entities(given_tags))
        counts["expected"] += len(expected)
        counts["found"] += len(found)
        counts["right"] += len(expected & found)
        counts["words"] += len(wanted_tags)
        counts["right words"] += sum(map(str.__eq__, wanted_tags, given_tags))
    return {
        "f1": _divide(2 * counts["right"], counts["expected"] + counts["found"]),
        "precision": _divide(counts["right"], counts["found"]),
        "recall": _divide(counts["right"], counts["expected"]),
        "accuracy": _divide(counts["right words"], counts["words"]),
    }


def describe_entities(words: Sequence[str], tags: Sequence[str]) -> str:
    """Name the entities of a row: `PER: Ada Lovelace; LOC: London`, or `none`."""
    found = [(e.kind, " ".join(words[e.start : e.end])) for e in find_entities(tags)]
    return "; ".join(f"{kind}: {text}" for kind, text in found) or "none"


def _split_tag(tag: str) -> tuple[str, str]:
    """Give prefix and kind; no kind for what is outside."""
    prefix, dash, kind = tag.partition("-")
    if tag == OUTSIDE:
        return OUTSIDE, ""
    return (prefix, kind) if dash and prefix in PREFIXES and kind else ("S", tag)


def _divide(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
