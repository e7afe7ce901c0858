"""`make bench-operator`: the operator and the bare client in turn; figures also as JSON.

One real API server, without the controller manager: what its Job controller does with the Jobs is
the same for both and would only add noise. Ratios count, not milliseconds.
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from devcluster.control_plane import ControlPlane
from operator_bench.api_sessions import JOBS, NAMESPACES, ApiSession
from operator_bench.audits import count_writes
from operator_bench.bare_clients import Template, write_children
from operator_bench.jobs import build_job
from operator_bench.measurements import (
    IN_FLIGHT,
    Follow,
    measure_burst,
    measure_one_by_one,
    percentile,
    watch_arrivals,
)
from operator_bench.operator_processes import read_rss_megabytes, running_operator

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "build" / "benchmarks" / "operator.json"
OPERATOR_USER = "finetune-operator"
BARS = {"latency_p50_ratio": 2.0, "burst_throughput_ratio": 0.5, "rss_megabytes": 150.0}


async def create_namespace(session: ApiSession, name: str) -> str:
    """Make a namespace of its own for each measurement, so that a watch sees nothing else."""
    await session.send("POST", NAMESPACES, {"metadata": {"name": name}})
    return name


async def leave_it_to_the_operator(_: dict[str, Any]) -> None:
    """The operator's turn: it sees the job by its own watch."""


async def learn_template(session: ApiSession) -> Template:
    """Let the operator handle one job and read back what it wrote."""
    namespace = await create_namespace(session, "template")
    async with watch_arrivals(session, namespace) as arrivals:
        await session.send("POST", JOBS.format(namespace=namespace), build_job("one", namespace))
        await arrivals.wait_for(bool)
    async with asyncio.timeout(30):
        while "status" not in await session.send("GET", f"{JOBS.format(namespace=namespace)}/one"):
            await asyncio.sleep(0.05)
    return await Template.read(session, namespace, "one")


async def measure_side(
    session: ApiSession, side: str, follow: Follow, sizes: argparse.Namespace, round_: int
) -> dict[str, float]:
    """Measure one side once."""
    prefix = f"{side}-{round_}"
    single = await create_namespace(session, f"{prefix}-one")
    latencies = await measure_one_by_one(session, single, sizes.sequential, follow)
    many = await create_namespace(session, f"{prefix}-burst")
    burst_seconds = await measure_burst(session, many, sizes.burst, follow)
    return {
        "latency_p50_ms": percentile(latencies, 0.5),
        "latency_p99_ms": percentile(latencies, 0.99),
        "burst_seconds": burst_seconds,
        "burst_jobs_per_second": sizes.burst / burst_seconds,
    }


async def compare(
    control_plane: ControlPlane, folder: Path, sizes: argparse.Namespace
) -> dict[str, Any]:
    """Measure the operator and the bare client, the same API server, one after the other."""
    user = control_plane.create_kubeconfig(OPERATOR_USER, ["system:masters"])
    async with ApiSession(control_plane.kubeconfig, IN_FLIGHT) as session:
        with running_operator(user, folder / "operator.log"):
            template = await learn_template(session)

        async def write_barely(created: dict[str, Any]) -> None:
            await write_children(session, template, created)

        rounds = []
        for round_ in range(sizes.rounds):
            bare = await measure_side(session, "bare", write_barely, sizes, round_)
            await delete_jobs(session, control_plane, f"bare-{round_}")
            with running_operator(user, folder / f"operator-{round_}.log") as pid:
                ours = await measure_side(
                    session, "operator", leave_it_to_the_operator, sizes, round_
                )
                extra = await create_namespace(session, f"more-{round_}")
                jobs = sizes.memory - sizes.sequential - sizes.burst
                await measure_burst(session, extra, jobs, leave_it_to_the_operator)
                rss = read_rss_megabytes(pid)
            await delete_jobs(session, control_plane, f"operator-{round_}", f"more-{round_}")
            rounds.append({"bare": bare, "operator": ours, "rss_megabytes": rss})
            sys.stdout.write(json.dumps(rounds[-1]) + "\n")
    return {"rounds": rounds, "sizes": vars(sizes)}


async def delete_jobs(session: ApiSession, control_plane: ControlPlane, *prefixes: str) -> None:
    """Clear away one side's objects, so that the other starts on an API server as empty."""
    for space in (await session.send("GET", NAMESPACES))["items"]:
        name = space["metadata"]["name"]
        if name.startswith(prefixes):
            for path in (
                JOBS,
                "/apis/batch/v1/namespaces/{namespace}/jobs",
                "/api/v1/namespaces/{namespace}/configmaps",
            ):
                await session.send("DELETE", path.format(namespace=name))


def summarise(measured: dict[str, Any], writes: dict[str, int], jobs: int) -> dict[str, Any]:
    """Put the rounds into ratios, and say which bars are met."""
    rounds = measured["rounds"]

    def middle(values: list[float]) -> float:
        return statistics.median(values)

    figures = {
        "latency_p50_ratio": middle(
            [r["operator"]["latency_p50_ms"] / r["bare"]["latency_p50_ms"] for r in rounds]
        ),
        "latency_p99_ratio": middle(
            [r["operator"]["latency_p99_ms"] / r["bare"]["latency_p99_ms"] for r in rounds]
        ),
        "burst_throughput_ratio": middle(
            [r["bare"]["burst_seconds"] / r["operator"]["burst_seconds"] for r in rounds]
        ),
        "rss_megabytes": max(r["rss_megabytes"] for r in rounds),
    }
    met = (
        figures["latency_p50_ratio"] <= BARS["latency_p50_ratio"]
        and figures["burst_throughput_ratio"] >= BARS["burst_throughput_ratio"]
        and figures["rss_megabytes"] <= BARS["rss_megabytes"]
    )
    per_job = {verb: round(count / jobs, 3) for verb, count in sorted(writes.items())}
    return {**figures, "bars": BARS, "bars_met": met, "writes_per_job": per_job}


def main() -> None:
    """Measure, print, write the JSON; exit 1 when a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sequential", type=int, default=200)
    parser.add_argument("--burst", type=int, default=500)
    parser.add_argument("--memory", type=int, default=1000, help="jobs when memory is read")
    parser.add_argument("--rounds", type=int, default=3)
    sizes = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="bench-operator-"))
    audit_log = folder / "audit.log"
    with ControlPlane(folder, controllers=False, audit_log=audit_log) as control_plane:
        control_plane.install_definition(ROOT / "crds" / "finetunejobs.yaml")
        measured = asyncio.run(compare(control_plane, folder, sizes))
    writes = count_writes(audit_log, OPERATOR_USER, "operator-0-burst")
    summary = summarise(measured, writes, sizes.burst)
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps({**measured, "summary": summary}, indent=2) + "\n")
    sys.stdout.write(json.dumps(summary, indent=2) + f"\nwritten to {RESULTS.relative_to(ROOT)}\n")
    sys.exit(0 if summary["bars_met"] else 1)


if __name__ == "__main__":
    main()
