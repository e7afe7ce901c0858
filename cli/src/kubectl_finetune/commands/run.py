"""`kubectl finetune run -f job.yaml`: train here, with the file that the cluster would take.

The trainer runs as a process of its own through the same contract as in a pod. This module reads
the options and prints the ending; `local.runs` does the work between.
"""

import os
import shlex
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from finetune_api.contract.resolved_jobs import resolve_job
from kubectl_finetune.local import layouts, machines
from kubectl_finetune.local.config_maps import parse_config_maps
from kubectl_finetune.local.origins import find_origins
from kubectl_finetune.local.runs import Run, train
from kubectl_finetune.local.trainers import TRAINER_COMMAND, require_trainer
from kubectl_finetune.manifests import choose_job, read_manifests
from kubectl_finetune.rendering.results import print_header, print_result
from kubectl_finetune.rendering.summaries import Commands
from kubectl_finetune.rendering.views import open_view


class OutputFormat(StrEnum):
    """How the result is printed."""

    TEXT = "text"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class RunOptions:
    """The options as they were typed."""

    file: str
    name: str | None = None
    directory: Path | None = None
    volumes: tuple[str, ...] = ()
    config_maps: tuple[str, ...] = ()
    fresh: bool = False
    output: OutputFormat = OutputFormat.TEXT


def run(  # noqa: PLR0913 -- typer reads one argument for each option
    file: Annotated[
        str,
        typer.Option("--filename", "-f", help="The file that holds the job; - is standard input."),
    ],
    name: Annotated[
        str | None, typer.Option(help="The job to run, when the file holds several.")
    ] = None,
    directory: Annotated[
        Path | None,
        typer.Option(
            "--directory",
            "-d",
            help="Where everything goes. Default: a folder beside the file, named after the job.",
        ),
    ] = None,
    volume: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CLAIM=FOLDER",
            help="The folder that stands for a claim of pvc://claim/…; may be repeated.",
        ),
    ] = None,
    configmap: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=FOLDER",
            help="The folder (or file) that stands for a ConfigMap of configmap://name/key; may be"
            " repeated. A ConfigMap in the same file as the job needs none.",
        ),
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Forget the checkpoints of earlier runs of this job.")
    ] = False,
    output: Annotated[
        OutputFormat,
        typer.Option("--output", "-o", help="json prints the outcome and nothing else."),
    ] = OutputFormat.TEXT,
) -> None:
    """Train on this machine what the same file would train in a cluster.

    Ctrl-C saves a checkpoint and ends; the same command goes on from there. Ends with the trainer's
    exit code: 0 done, 64 bad job, 65 bad data, 130 stopped by Ctrl-C.
    """
    options = RunOptions(
        file=file,
        name=name,
        directory=directory,
        volumes=tuple(volume or ()),
        config_maps=tuple(configmap or ()),
        fresh=fresh,
        output=output,
    )
    raise typer.Exit(run_job(options, Console(highlight=False), Console(stderr=True)))


def run_job(
    options: RunOptions,
    out: Console,
    err: Console,
    *,
    trainer_command: Sequence[str] = TRAINER_COMMAND,
) -> int:
    """Run the job that the options name, and print how it goes and how it ended.

    Args:
        options: as typed.
        out: for progress and result.
        err: for what is wrong.
        trainer_command: how the trainer is started; tests bring their own.

    Returns:
        The exit code of the command.
    """
    run = prepare_run(options, trainer_command)
    is_silent = options.output is OutputFormat.JSON
    if not is_silent:
        print_header(run, out)
    with open_view(out, run.job.spec.early_stopping, silent=is_silent) as view:
        result = train(run, view)
    if is_silent:
        outcome = result.ending.outcome
        typer.echo(outcome.model_dump_json(by_alias=True, exclude_none=True, indent=2))
    else:
        print_result(result, run, _name_commands(options), out=out, err=err)
    return result.ending.exit_code


def prepare_run(options: RunOptions, trainer_command: Sequence[str] = TRAINER_COMMAND) -> Run:
    """Turn the options into a run, or say what is wrong with them."""
    if trainer_command is TRAINER_COMMAND:
        require_trainer()
    manifests = read_manifests(options.file)
    job = choose_job(manifests, name=options.name, file_name=options.file)
    directory = layouts.choose_directory(job.metadata.name, options.file, options.directory)
    origins = find_origins(job, directory.absolute().parent)
    return Run(
        job=resolve_job(job, models=origins.models),
        layout=layouts.Layout(directory.absolute()),
        machine=machines.inspect_machine(os.environ),
        volumes={**layouts.parse_volumes(list(options.volumes)), **origins.volumes},
        config_maps={**manifests.config_maps, **parse_config_maps(list(options.config_maps))},
        fresh=options.fresh,
        trainer_command=trainer_command,
    )


def _name_commands(options: RunOptions) -> Commands:
    program = ["kubectl", "finetune"] if shutil.which("kubectl") else ["kubectl-finetune"]
    again = [*program, "run", "-f", options.file]
    if options.name is not None:
        again += ["--name", options.name]
    if options.directory is not None:
        again += ["--directory", str(options.directory)]
    for volume in options.volumes:
        again += ["--volume", volume]
    for config_map in options.config_maps:
        again += ["--configmap", config_map]
    return Commands(again=shlex.join(again), apply=f"kubectl apply -f {shlex.quote(options.file)}")
