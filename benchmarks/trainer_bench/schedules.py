"""In which order the runs come: seed after seed, and within a seed all of a workload in turn. Pure.

So whatever ends the benchmark early leaves whole comparisons behind, and what drifts on the machine
drifts for both sides of a ratio.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from trainer_bench.orders import Recipe
from trainer_bench.workloads import Workload

QUICK_STEPS = 3


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the schedule."""

    workload: str
    contestant: str
    seed: int
    recipe: Recipe


def plan_runs(
    workloads: Mapping[str, Workload], seeds: Sequence[int], *, quick: bool = False
) -> Iterator[Run]:
    """Plan.

    Args:
        workloads: in the order in which they are run.
        seeds: as many as there shall be rounds; a workload may want fewer.
        quick: a few steps of everything, to see that it works.
    """
    for number, seed in enumerate(seeds):
        for name, workload in workloads.items():
            if number >= workload.seeds:
                continue
            for contestant in workload.contestants:
                steps = workload.steps.get(contestant, workload.recipe.max_steps)
                steps = min(steps or QUICK_STEPS, QUICK_STEPS) if quick else steps
                yield Run(name, contestant, seed, replace(workload.recipe, max_steps=steps))
