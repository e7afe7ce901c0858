"""Prints the head and the end of a run. The command `run` is the caller."""

from collections.abc import Iterable
from pathlib import Path

from rich.console import Console

from kubectl_finetune.local.layouts import show_model
from kubectl_finetune.local.machines import describe_differences
from kubectl_finetune.local.runs import Result, Run
from kubectl_finetune.rendering import summaries
from kubectl_finetune.rendering.summaries import Commands


def print_header(run: Run, out: Console) -> None:
    """Say what begins, and in what it differs from a run in a cluster."""
    spec = run.job.spec
    folder = shorten_path(run.layout.directory)
    out.print(f"[bold]{run.job.name}[/]  {spec.task} from {spec.model.source} in {folder}/")
    _print_lines(out, (f"  note: {text}" for text in describe_differences(spec, run.machine)))


def print_result(
    result: Result, run: Run, commands: Commands, *, out: Console, err: Console
) -> None:
    """Say how it ended, and what to do next."""
    ending = result.ending
    out.print()
    if ending.interrupted:
        _print_lines(out, summaries.list_interruption(ending, commands))
    elif ending.exit_code:
        log = shorten_path(run.layout.trainer_log)
        _print_lines(err, summaries.list_failure(ending, log=log, log_tail=result.log_tail))
    else:
        _print_success(result, run, commands, out)


def _print_success(result: Result, run: Run, commands: Commands, out: Console) -> None:
    if result.is_old:
        out.print("An earlier run finished this job; nothing was trained now.")
        out.print("To train it again from the start, add --fresh.\n")
    ending = result.ending
    _print_lines(out, [summaries.describe_success(ending, run.job.spec), ""])
    metrics = ending.outcome.report.metrics if ending.outcome.report else None
    comparison = summaries.build_comparison(metrics) if metrics else None
    if comparison is not None:
        out.print(comparison)
        out.print()
    if run.job.publish_uri:
        _print_lines(out, [f"published to {run.job.publish_uri}", ""])
    model = shorten_path(show_model(run.layout, run.job.output_uri))
    _print_lines(out, summaries.list_next_steps(run.job.spec.task, model, commands))


def shorten_path(path: Path) -> Path:
    """Write a path from here when it lies below, and whole otherwise."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _print_lines(console: Console, lines: Iterable[str]) -> None:
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
