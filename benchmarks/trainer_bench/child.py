"""A contestant as a process: `python -m trainer_bench.child NAME` with its order on stdin.

The last line that it prints is the measurement.
"""

import importlib
import json
import sys
from dataclasses import asdict

from trainer_bench.contestants import CONTESTANTS
from trainer_bench.orders import Order


def main() -> None:
    """Run, and print."""
    contestant = CONTESTANTS[sys.argv[1]]
    order = Order.from_json(sys.stdin.read())
    module = importlib.import_module(f"trainer_bench.contestants.{contestant.module}")
    measurement = module.run(order, **contestant.options)
    sys.stdout.write("\n" + json.dumps(asdict(measurement)) + "\n")


if __name__ == "__main__":
    main()
