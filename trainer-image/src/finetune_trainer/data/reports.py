"""The validation report: what was found out about the data, in numbers and with the names of rows.

`run` builds it as soon as the data is read and leaves it as validation_report.json beside the
checkpoints; `training.assembly` adds what only the model's tokenizer can tell. In the end it lies
beside the model too, and `wording` says it in sentences. It holds no times and no paths, so that
one job always gives the same report.
"""

from collections import Counter
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field

from finetune_api.models import ReportedModel
from finetune_trainer.data.cleaning import MAX_DROPPED_NAMED
from finetune_trainer.data.columns import Column, is_placeholder
from finetune_trainer.data.domains import Domain, Tokenizer, measure_domain
from finetune_trainer.data.doubts import (
    find_contradictions,
    find_odd_neighbours,
    normalize_text,
)
from finetune_trainer.data.kinds.base import Kind
from finetune_trainer.data.loading import Data
from finetune_trainer.data.needs import Needs
from finetune_trainer.data.spreads import (
    DIGITS,
    READ_TEXT,
    Spread,
    count_words,
    measure_spread,
)
from finetune_trainer.data.tables import Part
from finetune_trainer.sealing import write_durably

REPORT_NAME = "validation_report.json"
MAX_ROWS_NAMED = 20
LEAKS = (
    ("train", "validation"),
    ("train", "test"),
    ("validation", "test"),
    ("replay", "validation"),
    ("replay", "test"),
)


class SourceReport(ReportedModel):
    """What was read from one source."""

    rows: int
    dropped: int
    dropped_rows: list[str]


class ColumnReport(ReportedModel):
    """How long the texts of a column are."""

    characters: Spread | None = None
    words: Spread | None = None


class TokenReport(ReportedModel):
    """What the rows of a part are for the model: as many pieces, or packs, or windows."""

    pieces: int
    tokens: Spread | None = None
    truncated_rows: int
    truncated_share: float
    unknown_share: float


class PartReport(ReportedModel):
    """One part of the data.

    Duplicates are rows beyond the first of their kind; nearly equal ones differ in case,
    punctuation or spacing only.
    """

    rows: int
    duplicates: int
    near_duplicates: int
    labels: dict[str, int] | None = None
    columns: dict[str, ColumnReport]
    encoded: TokenReport | None = None


class Leak(ReportedModel):
    """Rows of one part that are in another one too."""

    source: str
    target: str
    rows: int
    near_rows: int
    examples: list[str]


class Contradiction(ReportedModel):
    """Equal training rows with different labels: the names of the rows, by label."""

    labels: dict[str, list[str]]


class LabelDoubt(ReportedModel):
    """A training row whose nearest neighbours carry another label."""

    row: str
    label: str
    neighbours_say: str
    share: float


class LabelReport(ReportedModel):
    """Labels of the training part that may be wrong: candidates to look at, no verdict."""

    contradictions: int
    contradicting_rows: list[Contradiction]
    doubts: int | None = None
    doubted_rows: list[LabelDoubt] | None = None


class ValidationReport(ReportedModel):
    """What was found out about the data of a job; `summary` is the same in sentences."""

    summary: list[str] = Field(default_factory=list)
    fingerprint: str
    sources: dict[str, SourceReport]
    parts: dict[str, PartReport]
    leaks: list[Leak]
    labels: LabelReport | None = None
    domain: Domain | None = None
    warnings: list[str]


def build_report(data: Data, needs: Needs) -> ValidationReport:
    """Report on rows that were checked and split; needs neither model nor torch."""
    near = {name: _read_near_identities(part, needs) for name, part in data.parts.items()}
    return ValidationReport(
        fingerprint=data.fingerprint,
        sources={
            cleaned.field: SourceReport(
                rows=cleaned.rows,
                dropped=len(cleaned.dropped),
                dropped_rows=list(cleaned.dropped[:MAX_DROPPED_NAMED]),
            )
            for cleaned in data.sources.values()
        },
        parts={
            name: _report_part(part, needs, data.keys[name], near[name])
            for name, part in data.parts.items()
        },
        leaks=[
            leak
            for source, target in LEAKS
            if source in data.parts
            and target in data.parts
            and (leak := _find_leak(data, near, source, target))
        ],
        labels=_report_labels(data, needs),
        warnings=data.warnings,
    )


def add_label_doubts(report: ValidationReport, data: Data, needs: Needs) -> ValidationReport:
    """Add the rows whose neighbours carry another label."""
    if report.labels is None or not _has_one_label_and_text(needs):
        return report
    train = data.parts["train"]
    texts = [" ".join(texts) for texts in zip(*_read_texts(train, needs).values(), strict=True)]
    doubts = find_odd_neighbours(texts, train.column(needs.label_role or ""))
    found = report.labels.model_copy(
        update={
            "doubts": len(doubts),
            "doubted_rows": [
                LabelDoubt(
                    row=train.describe_row(doubt.position),
                    label=doubt.label,
                    neighbours_say=doubt.other,
                    share=doubt.share,
                )
                for doubt in doubts[:MAX_ROWS_NAMED]
            ],
        }
    )
    return report.model_copy(update={"labels": found})


def add_tokens(
    report: ValidationReport, name: str, lengths: Sequence[int], truncated: int, unknown: int
) -> ValidationReport:
    """Add what the rows of a part are for the model: tokens each, rows cut, tokens unknown."""
    encoded = TokenReport(
        pieces=len(lengths),
        tokens=measure_spread(lengths),
        truncated_rows=truncated,
        truncated_share=round(truncated / max(1, report.parts[name].rows), DIGITS),
        unknown_share=round(unknown / max(1, sum(lengths)), DIGITS),
    )
    part = report.parts[name].model_copy(update={"encoded": encoded})
    return report.model_copy(update={"parts": {**report.parts, name: part}})


def add_domain(
    report: ValidationReport, data: Data, needs: Needs, tokenizer: Tokenizer
) -> ValidationReport:
    """Add how well a tokenizer knows the language of the training texts."""
    texts = [text for texts in _read_texts(data.parts["train"], needs).values() for text in texts]
    return report.model_copy(update={"domain": measure_domain(texts, tokenizer)})


def write_report(report: ValidationReport, folder: Path) -> None:
    """Write the report into a folder."""
    content = report.model_dump_json(by_alias=True, exclude_none=True, indent=2)
    write_durably(folder / REPORT_NAME, content.encode() + b"\n")


def read_summary(folder: Path) -> list[str]:
    """Read the sentences of the report in a folder; none where there is no report."""
    path = folder / REPORT_NAME
    if not path.exists():
        return []
    return ValidationReport.model_validate_json(path.read_bytes()).summary


def _report_part(
    part: Part, needs: Needs, keys: Sequence[int], near: Sequence[Hashable] | None
) -> PartReport:
    duplicates = len(keys) - len(set(keys))
    near_duplicates = len(near) - len(set(near)) if near is not None else duplicates
    labels = None
    if needs.label_role is not None:
        values = part.column(needs.label_role)
        labels = Counter(label for value in values for label in needs.read_labels(value))
    return PartReport(
        rows=len(part),
        duplicates=duplicates,
        near_duplicates=max(0, near_duplicates - duplicates),
        labels=None if labels is None else dict(sorted(labels.items())),
        columns={
            role: ColumnReport(
                characters=measure_spread([len(text) for text in texts]),
                words=measure_spread([count_words(text) for text in texts]),
            )
            for role, texts in _read_texts(part, needs).items()
        },
    )


def _find_leak(
    data: Data, near: dict[str, list[Hashable] | None], source: str, target: str
) -> Leak | None:
    part, keys = data.parts[target], data.keys[target]
    exact = _find_shared(data.keys[source], keys)
    near_source, near_target = near[source], near[target]
    nearly = _find_shared(near_source, near_target) if near_source and near_target else exact
    if not nearly and not exact:
        return None
    return Leak(
        source=source,
        target=target,
        rows=len(exact),
        near_rows=len(set(nearly) - set(exact)),
        examples=[part.describe_row(i) for i in sorted({*exact, *nearly})[:MAX_ROWS_NAMED]],
    )


def _find_shared(source: Sequence[Hashable], target: Sequence[Hashable]) -> list[int]:
    known = set(source)
    return [position for position, key in enumerate(target) if key in known]


def _report_labels(data: Data, needs: Needs) -> LabelReport | None:
    if needs.strata_role is None:
        return None
    train = data.parts["train"]
    found = find_contradictions(data.keys["train"], train.column(needs.strata_role))
    return LabelReport(
        contradictions=len(found),
        contradicting_rows=[
            Contradiction(
                labels={
                    label: [train.describe_row(i) for i in rows[:MAX_ROWS_NAMED]]
                    for label, rows in sorted(group.items())
                }
            )
            for group in found[:MAX_ROWS_NAMED]
        ],
    )


def list_text_columns(needs: Needs) -> list[Column]:
    """Give the columns that hold text."""
    return [c for c in needs.columns if c.kind in READ_TEXT and not is_placeholder(c.role)]


def _has_one_label_and_text(needs: Needs) -> bool:
    kinds = {column.role: column.kind for column in needs.columns}
    return kinds.get(needs.strata_role or "") is Kind.LABEL and bool(list_text_columns(needs))


def _read_texts(part: Part, needs: Needs) -> dict[str, list[str]]:
    return {
        column.role: [READ_TEXT[column.kind](value) for value in part.column(column.role)]
        for column in list_text_columns(needs)
        if part.has(column.role)
    }


def _read_near_identities(part: Part, needs: Needs) -> list[Hashable] | None:
    """Give a number for what is left of each row without case and punctuation; None for no text."""
    readers: list[Any] = [
        READ_TEXT.get(column.kind)
        for role in needs.identity
        for column in needs.columns
        if column.role == role
    ]
    if None in readers or not readers:
        return None
    columns = [part.column(role) for role in needs.identity]
    return [
        # Python's own hash: it is compared within this process only.
        hash(tuple(normalize_text(read(value)) for read, value in zip(readers, row, strict=True)))
        for row in zip(*columns, strict=True)
    ]
