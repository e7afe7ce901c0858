"""`make bench-memory`: peak resident memory of each case against the estimate; figures as JSON too.

Every case is a process of its own, whose peak the kernel tells when it has ended; the estimate is
the one that the trainer reported before it read any weights.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import transformers

from finetune_trainer.training.memory_limits import REFUSED_SHARE
from memory_bench.cases import CASES, Case, build_job

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "build" / "benchmarks" / "memory.json"
MEBIBYTES_PER_GIBIBYTE = 1024
ROW = "{name:31} {batch:10} {measured:>9} {estimate:>9} {error:>6}\n"


@dataclass(frozen=True, slots=True)
class Measurement:
    """One case.

    Attributes:
        name: what was special about it.
        batch: its size.
        measured_mebibytes: the peak of resident memory.
        estimated_mebibytes: what the trainer said before.
        parts: the estimate in words.
    """

    name: str
    batch: str
    measured_mebibytes: int
    estimated_mebibytes: int
    parts: str

    @property
    def error(self) -> float:
        """How far the estimate is off, in shares of what was measured."""
        return self.estimated_mebibytes / self.measured_mebibytes - 1


def measure(case: Case) -> Measurement:
    """Train one case, and read both numbers.

    Raises:
        RuntimeError: the trainer did not succeed.
    """
    with tempfile.TemporaryDirectory(prefix="bench-memory-") as folder:
        job = build_job(case, Path(folder))
        log = Path(folder) / "log"
        with log.open("wb") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", "finetune_trainer"],
                env=os.environ | job.environment(), stdout=file, stderr=file,
            )  # fmt: skip
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        outcome = job.read_outcome() if job.termination_log.exists() else None
        if process.returncode or outcome is None or outcome.report is None:
            raise RuntimeError(f"{case.name}: {log.read_text()[-2000:]}")
        resolved = outcome.report.resolved
        said = (resolved and resolved.memory_estimate) or ""
    found = re.match(r"[\d.]+", said)
    assert found is not None  # the trainer always says it
    return Measurement(
        name=case.name,
        batch=case.batch,
        measured_mebibytes=usage.ru_maxrss // 1024,
        estimated_mebibytes=round(float(found[0]) * MEBIBYTES_PER_GIBIBYTE),
        parts=said,
    )


def main() -> None:
    """Measure, print, write the JSON; exit 1 when an estimate would refuse a job that fits."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", help="names of cases")
    known = parser.parse_args()
    transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    sys.stdout.write(ROW.format(
        name="case", batch="batch", measured="measured", estimate="estimate", error="error"
    ))  # fmt: skip
    found = []
    for case in CASES:
        if known.only and case.name not in known.only:
            continue
        one = measure(case)
        found.append(one)
        sys.stdout.write(ROW.format(
            name=one.name, batch=one.batch, measured=f"{one.measured_mebibytes:,}",
            estimate=f"{one.estimated_mebibytes:,}", error=f"{one.error:+.0%}",
        ))  # fmt: skip
        sys.stdout.flush()
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    rows = [asdict(one) | {"error": round(one.error, 4)} for one in found]
    RESULTS.write_text(json.dumps(rows, indent=2, ensure_ascii=False) + "\n")
    sys.stdout.write(f"written to {RESULTS.relative_to(ROOT)}, in MiB\n")
    sys.exit(0 if all(1 + one.error < REFUSED_SHARE for one in found) else 1)


if __name__ == "__main__":
    main()
