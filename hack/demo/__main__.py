"""`make demo`: from nothing to a fine-tuned BERT, through a real control plane.

Ends with 0 only when everything it promises was there to be shown.
"""

import json
import os
import shutil
import subprocess
import sys
import urllib.request

from demo import findings, predictions, volumes
from demo.clusters import ROOT, DemoCluster, running_cluster
from demo.findings import DemoError
from demo.prepare_reviews import prepare_reviews
from devcluster import binaries
from devcluster.control_plane import ControlPlane
from devcluster.errors import DevClusterError
from finetune_api.v1alpha1 import FineTuneJobStatus

EXAMPLE = ROOT / "examples" / "reviews.yaml"
NAME = "reviews"
FOLDER = ROOT / "build" / "demo"
SENTENCE = "A gorgeous, witty film that I would watch again tomorrow."
WAIT = "20m"
_TOOLS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl")


def say(line: str = "") -> None:
    """Print at once, also into a pipe."""
    print(line, flush=True)


def head(title: str) -> None:
    """Print a headline."""
    say(f"\n\033[1m{title}\033[0m" if sys.stdout.isatty() else f"\n== {title}")


def main() -> int:
    """Run the demo; give its exit status."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    try:
        for tool in _TOOLS:
            binaries.ensure(tool)
        head("Model and data")
        data = prepare_reviews(ROOT / "build" / "reviews-data")
        head("A control plane, a node that runs pods as processes, the operator")
        with running_cluster(FOLDER) as cluster:
            volumes.provide_claim(cluster.control_plane, "reviews-data", data)
            say(f"export KUBECONFIG={cluster.control_plane.kubeconfig}")
            run_job(cluster)
    except (DemoError, DevClusterError) as error:
        say(f"\nThe demo failed: {error}")
        say(f"Logs are in {FOLDER.relative_to(ROOT)}: operator.log, node/logs, control-plane/logs")
        return 1
    return 0


def run_job(cluster: DemoCluster) -> None:
    """Apply the example, watch it, and show what came of it."""
    control_plane = cluster.control_plane
    head(f"kubectl apply -f {EXAMPLE.relative_to(ROOT)}")
    say(control_plane.kubectl("apply", "-f", str(EXAMPLE)).strip())
    head("kubectl get ftj -w")
    watch_until_finished(control_plane)
    job = json.loads(control_plane.kubectl("get", "ftj", NAME, "-o", "json"))
    status = findings.read_status(job)
    show_status(control_plane, status)
    head("Its Prometheus series")
    with urllib.request.urlopen(cluster.metrics_url, timeout=10) as page:
        series = findings.find_series(page.read().decode().splitlines(), NAME)
    say("\n".join(series))
    show_model(control_plane, status)


def watch_until_finished(control_plane: ControlPlane) -> None:
    """Let kubectl print every change until one condition tells of either end."""
    environment = {**os.environ, "KUBECONFIG": str(control_plane.kubeconfig)}
    kubectl = str(binaries.ensure("kubectl"))
    watch = subprocess.Popen([kubectl, "get", "ftj", "-w"], env=environment)
    try:
        control_plane.kubectl(
            "wait", f"ftj/{NAME}", "--for=condition=Finished", f"--timeout={WAIT}"
        )
    finally:
        watch.terminate()
        watch.wait()


def show_status(control_plane: ControlPlane, status: FineTuneJobStatus) -> None:
    """Show the end: conditions, accuracy before and after, and why it stopped."""
    head("kubectl get ftj -o wide")
    say(control_plane.kubectl("get", "ftj", "-o", "wide").rstrip())
    head("Conditions")
    for condition in status.conditions:
        say(f"  {condition.type}={condition.status}  {condition.reason}: {condition.message}")
    head("Before and after, on test rows that were used for nothing else")
    accuracy = findings.compare_accuracy(status)
    say(f"  accuracy  {accuracy.baseline:.4f} (most frequent label)  ->  {accuracy.final:.4f}")
    head("Why it stopped")
    say(f"  {findings.explain_the_stop(status)}")


def show_model(control_plane: ControlPlane, status: FineTuneJobStatus) -> None:
    """Say where the model lies, and use it."""
    uri = next((a.uri for a in status.artifacts if a.name == "model"), None)
    if uri is None:
        raise DemoError("status.artifacts names no model")
    model = volumes.find_folder(control_plane, uri)
    link = FOLDER / "model"
    link.unlink(missing_ok=True)
    link.symlink_to(model)
    label, score = predictions.classify(link, SENTENCE)
    head("The model")
    files = ", ".join(sorted(p.name for p in model.iterdir()))
    say(f"  {uri}, here {link.relative_to(ROOT)}: {files}")
    say(f'  "{SENTENCE}"  ->  {label} ({score:.2f})')
    if label != "positive":
        raise DemoError(f"the model takes a praise for {label}")


if __name__ == "__main__":
    sys.exit(main())
