"""Starts the operator: settings, logs, and the exit code that a kubelet reads."""

import asyncio
import logging
import os
import sys

from finetune_operator.cluster.errors import ClusterError
from finetune_operator.runtime.application import run_operator
from finetune_operator.runtime.memory import tune_memory
from finetune_operator.runtime.settings import SettingsError, read_settings

EXIT_BAD_SETTINGS = 2
EXIT_NO_CLUSTER = 3

log = logging.getLogger("finetune_operator")


def main() -> int:
    """Run the operator until it is told to stop; give the exit code."""
    try:
        settings = read_settings(sys.argv[1:], os.environ)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return EXIT_BAD_SETTINGS
    configure_logs(settings.log_level)
    tune_memory()
    try:
        asyncio.run(run_operator(settings))
    except ClusterError as error:
        log.error("%s", error)
        return EXIT_NO_CLUSTER
    except KeyboardInterrupt:
        log.info("interrupted")
    return 0


def configure_logs(level: str) -> None:
    """Log our own decisions; of kopf only what went wrong: it logs every event it handles."""
    logging.basicConfig(
        level=level, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr
    )
    logging.getLogger("kopf").setLevel(logging.WARNING)
    logging.getLogger("aiohttp").setLevel(logging.WARNING)


if __name__ == "__main__":
    sys.exit(main())
