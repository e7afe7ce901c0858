"""The validation report in sentences, for the log and the model card. Pure.

Each rule says one thing or nothing; what calls for an answer is among the warnings besides.
"""

from collections.abc import Callable, Iterator

from finetune_trainer.data.reports import ValidationReport

MAX_LABELS_SHOWN = 10
MAX_NAMES_SHOWN = 3


def describe_sources(report: ValidationReport) -> Iterator[str]:
    """Say what was read, and what was left out."""
    for field, source in report.sources.items():
        told = f"{field}: {source.rows:,} rows were read"
        if source.dropped:
            told += f", {source.dropped:,} were left out ({_list(source.dropped_rows, '; ')})"
        yield told


def describe_copies(report: ValidationReport) -> Iterator[str]:
    """Say how many rows repeat others."""
    for name, part in report.parts.items():
        if part.duplicates or part.near_duplicates:
            yield (
                f"{name}: {part.duplicates:,} of {part.rows:,} rows repeat an earlier one,"
                f" {part.near_duplicates:,} more differ from one in case or punctuation only"
            )


def describe_leaks(report: ValidationReport) -> Iterator[str]:
    """Say which parts share rows."""
    if not report.leaks:
        yield "no row is in two parts"
    for leak in report.leaks:
        counts = (
            (leak.rows, f"rows of {leak.target} are in {leak.source} too"),
            (leak.near_rows, f"rows of {leak.target} are nearly equal to one in {leak.source}"),
        )
        told = ", ".join(f"{count:,} {what}" for count, what in counts if count)
        yield f"{told}: {_list(leak.examples)}"


def describe_balance(report: ValidationReport) -> Iterator[str]:
    """Say how many rows each label has to learn from."""
    labels = report.parts["train"].labels or {}
    ranked = sorted(labels.items(), key=lambda entry: (-entry[1], entry[0]))
    if ranked:
        shown = [f"{label} {count:,}" for label, count in ranked]
        yield f"labels of train: {_list(shown, limit=MAX_LABELS_SHOWN)}"


def describe_lengths(report: ValidationReport) -> Iterator[str]:
    """Say how long the training rows are."""
    train = report.parts["train"]
    for role, column in train.columns.items():
        words = column.words
        if words is not None:
            yield (
                f"{role}: half of the training rows have at most {words.median:,} words, 99 % at"
                f" most {words.p99:,}, the longest {words.maximum:,}"
            )
    encoded = train.encoded
    if encoded is not None and encoded.tokens is not None:
        spread = encoded.tokens
        what = "training rows" if encoded.pieces == train.rows else "packs or windows of them"
        yield (
            f"half of the {what} have at most {spread.median:,} tokens, 99 % at most"
            f" {spread.p99:,}; {encoded.truncated_share:.1%} are cut"
        )


def describe_doubts(report: ValidationReport) -> Iterator[str]:
    """Say which labels to look at."""
    if report.labels is None:
        return
    if report.labels.contradictions:
        groups = [
            " and ".join(f"{rows[0]} ({label})" for label, rows in group.labels.items())
            for group in report.labels.contradicting_rows
        ]
        yield f"{report.labels.contradictions:,} texts have different labels: {_list(groups)}"
    if report.labels.doubts:
        rows = [f"{d.row} ({d.label})" for d in report.labels.doubted_rows or ()]
        yield (
            f"{report.labels.doubts:,} rows are labelled otherwise than nearly all texts like them,"
            f" and are worth a look: {_list(rows)}"
        )


def describe_domain(report: ValidationReport) -> Iterator[str]:
    """Say how well the tokenizer knows the texts."""
    domain = report.domain
    if domain is None or domain.tokens_per_word is None:
        return
    yield (
        f"the tokenizer makes {domain.tokens_per_word:.2f} tokens of a word (above"
        f" {domain.tokens_per_word_bar:g} the texts are strange to it);"
        f" {domain.unknown_share:.1%} of the tokens are unknown"
    )


RULES: tuple[Callable[[ValidationReport], Iterator[str]], ...] = (
    describe_sources,
    describe_copies,
    describe_leaks,
    describe_balance,
    describe_lengths,
    describe_doubts,
    describe_domain,
)


def describe_report(report: ValidationReport) -> list[str]:
    """Ask every rule."""
    return [sentence for rule in RULES for sentence in rule(report)]


def _list(names: list[str], separator: str = ", ", limit: int = MAX_NAMES_SHOWN) -> str:
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return separator.join(names[:limit]) + more
