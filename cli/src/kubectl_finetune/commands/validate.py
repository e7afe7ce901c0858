"""`kubectl finetune validate -f job.yaml`: is it a job that the cluster would accept?

Needs no cluster: the models that the CustomResourceDefinition is made from do the check.
"""

from typing import Annotated

import typer
from rich.console import Console

from finetune_api.contract.exit_codes import ExitCode
from kubectl_finetune.manifests import read_manifests


def validate(
    file: Annotated[
        str,
        typer.Option("--filename", "-f", help="The file that holds the job; - is standard input."),
    ],
) -> None:
    """Check the FineTuneJobs of a file, without a cluster.

    Ends with 64 when a job is not valid; each mistake is one line, file:line: field: what is wrong.
    """
    manifests = read_manifests(file)
    out, err = (Console(stderr=stderr, highlight=False, soft_wrap=True) for stderr in (False, True))
    for line in manifests.ignored:
        out.print(line, markup=False)
    for job in manifests.jobs:
        out.print(f"{file}: {job.kind} {job.metadata.name} is valid", markup=False)
    for line in manifests.errors:
        err.print(line, markup=False)
    if manifests.errors:
        raise typer.Exit(ExitCode.BAD_CONFIG)
