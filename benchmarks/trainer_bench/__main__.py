"""`make bench-trainer`: the guides' recipe and ours in turn, for each seed; figures as JSON too.

Ratios count, not seconds: both sides of a round run on the same machine, one after the other.
"""

import argparse
import itertools
import json
import math
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from demo.prepare_reviews import prepare_reviews
from trainer_bench import our_trainer

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "build" / "benchmarks" / "trainer.json"
BAR_SAMPLES_RATIO = 3.0

Runner = Callable[[Path, Path, int, int, float], dict[str, float]]
SIDES: dict[str, Runner] = {"guides": our_trainer.run_recipe, "ours": our_trainer.train}


def measure(
    folder: Path, seeds: list[int], epochs: int, learning_rate: float
) -> list[dict[str, object]]:
    """Run both sides for each seed, in turn."""
    rows: list[dict[str, object]] = []
    for seed in seeds:
        for side, run in SIDES.items():
            output = Path(tempfile.mkdtemp(prefix=f"bench-{side}-"))
            begun = time.perf_counter()
            result = run(folder, output, seed, epochs, learning_rate)
            row = {
                "side": side,
                "seed": seed,
                "wall_seconds": time.perf_counter() - begun,
                **result,
            }
            rows.append(row)
            shutil.rmtree(output)
            sys.stdout.write(
                f"{side:7} seed {seed}  {result['samples_per_second']:7.1f} samples/s  "
                f"{row['wall_seconds']:6.1f} s in all  accuracy {result['accuracy']:.4f}\n"
            )
            sys.stdout.flush()
    return rows


def cut_rows(folder: Path, rows: int) -> Path:
    """Give a folder with the first rows of the training part, and everything else as it is."""
    cut = Path(tempfile.mkdtemp(prefix="bench-data-"))
    for path in folder.iterdir():
        (cut / path.name).symlink_to(path.resolve())
    (cut / "train.csv").unlink()
    with (folder / "train.csv").open() as source, (cut / "train.csv").open("w") as target:
        target.writelines(itertools.islice(source, rows + 1))
    return cut


def summarise(rows: list[dict[str, object]]) -> dict[str, object]:
    """Compare the sides: ratios per seed, and accuracy within its standard error."""
    sides = {side: [row for row in rows if row["side"] == side] for side in SIDES}

    def ratios(field: str) -> list[float]:
        pairs = zip(sides["ours"], sides["guides"], strict=True)
        return [float(str(ours[field])) / float(str(theirs[field])) for ours, theirs in pairs]

    accuracy = {
        s: statistics.mean(float(str(r["accuracy"])) for r in rs) for s, rs in sides.items()
    }
    tested = int(str(sides["ours"][0]["test_rows"]))
    share = accuracy["guides"]
    error = math.sqrt(share * (1 - share) / tested)
    speed = statistics.median(ratios("samples_per_second"))
    return {
        "samples_per_second_ratio": speed,
        "wall_seconds_ratio": statistics.median(ratios("wall_seconds")),
        "accuracy": accuracy,
        "standard_error": error,
        "equal_accuracy": accuracy["ours"] >= accuracy["guides"] - error,
        "bar_samples_ratio": BAR_SAMPLES_RATIO,
        "bar_met": speed >= BAR_SAMPLES_RATIO and accuracy["ours"] >= accuracy["guides"] - error,
    }


def main() -> None:
    """Measure, print, write the JSON; exit 1 when the bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[42, 43, 44])
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--rows", type=int, default=1000, help="training rows")
    parser.add_argument("--learning-rate", type=float, default=5e-5)
    known = parser.parse_args()
    folder = cut_rows(prepare_reviews(ROOT / "build" / "reviews-data"), known.rows)
    rows = measure(folder, known.seeds, known.epochs, known.learning_rate)
    summary = summarise(rows)
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps({"runs": rows, "summary": summary}, indent=2) + "\n")
    sys.stdout.write(json.dumps(summary, indent=2) + f"\nwritten to {RESULTS.relative_to(ROOT)}\n")
    sys.exit(0 if summary["bar_met"] else 1)


if __name__ == "__main__":
    main()
