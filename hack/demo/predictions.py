"""Classifies one sentence with the model that the demo made, as a user would: three lines."""

import json
import subprocess
import sys
from pathlib import Path

from demo.findings import DemoError

_CODE = """
import json, sys
from transformers import pipeline
classify = pipeline("text-classification", model=sys.argv[1])
print(json.dumps(classify(sys.argv[2])[0]))
"""


def classify(model: Path, sentence: str) -> tuple[str, float]:
    """Give the label of a sentence and how sure the model is.

    Raises:
        DemoError: the model cannot be loaded.
    """
    ended = subprocess.run(
        [sys.executable, "-c", _CODE, str(model), sentence],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if ended.returncode:
        raise DemoError(f"the model at {model} does not load: {ended.stderr[-500:]}")
    answer = json.loads(ended.stdout.splitlines()[-1])
    return answer["label"], answer["score"]
