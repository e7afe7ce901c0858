"""The entry point of `kubectl finetune` and `kubectl-finetune`.

kubectl runs any program on the PATH that is called kubectl-finetune. The only place that turns a
CliError into text and an exit code.
"""

import sys

from rich.console import Console

from kubectl_finetune.app import app
from kubectl_finetune.errors import CliError


def main() -> None:
    """Run the command line."""
    try:
        app(prog_name="kubectl finetune")
    except CliError as error:
        console = Console(stderr=True, highlight=False, soft_wrap=True)
        console.print(f"error: {error}", markup=False)
        if error.hint:
            console.print(f"hint: {error.hint}", markup=False)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
