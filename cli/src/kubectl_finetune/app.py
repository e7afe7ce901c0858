"""The list of commands. A new one is a file in commands/ and a line here."""

from importlib.metadata import version
from typing import Annotated

import typer

from kubectl_finetune.commands import run, validate

COMMANDS = (run.run, validate.validate)

app = typer.Typer(
    help="Fine-tune pre-trained models: the same FineTuneJob here and in the cluster.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in COMMANDS:
    app.command()(command)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"kubectl-finetune {version('kubectl-finetune')}")
        raise typer.Exit


@app.callback()
def _choose_command(
    show_version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    del show_version
