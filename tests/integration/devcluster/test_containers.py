"""How containers start, end and report, as a kubelet would have it."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest

# Writes what it is told to its termination log: how the tests below look into a container.
SAY = 'import sys; open(sys.argv[1], "w").write(eval(sys.argv[2]))'


def say(expression: str) -> tuple[str, ...]:
    return ("python", "-c", SAY, "/dev/termination-log", expression)


@pytest.mark.parametrize(
    ("script", "code", "reason", "phase"),
    [
        pytest.param("exit 0", 0, "Completed", "Succeeded", id="success"),
        pytest.param("exit 64", 64, "Error", "Failed", id="exit code"),
        pytest.param(
            "kill -9 $$$$", 137, "Error", "Failed", id="signal"
        ),  # $$$$ is $$ to the shell
    ],
)
def test_the_exit_code_is_reported(
    bench: Any, script: str, code: int, reason: str, phase: str
) -> None:
    bench.run("sh", "-c", script)

    end = bench.wait_for_end("pod")

    assert (end["exitCode"], end["reason"], end["phase"]) == (code, reason, phase)


def test_a_program_that_does_not_exist_cannot_start(bench: Any) -> None:
    bench.run("no-such-program")

    end = bench.wait_for_end("pod")

    assert (end["exitCode"], end["reason"]) == (128, "StartError")
    assert "no-such-program" in end["message"]


def test_the_termination_message_is_the_end_of_the_file(bench: Any) -> None:
    bench.run(*say("5000 * 'x' + 'end'"))

    message = bench.wait_for_end("pod")["message"]

    assert message == 4093 * "x" + "end"


def test_the_log_stands_in_for_a_missing_message_of_a_failure(bench: Any) -> None:
    policy = {"terminationMessagePolicy": "FallbackToLogsOnError"}
    bench.run("sh", "-c", "echo out of luck >&2; exit 1", container=policy)

    assert bench.wait_for_end("pod")["message"] == "out of luck\n"


def test_the_output_is_in_the_log_file(bench: Any, node: Any) -> None:
    bench.run("sh", "-c", "echo to stdout; echo to stderr >&2")
    bench.wait_for_end("pod")

    log = node.log_path(bench.namespace, "pod", "main").read_text()

    assert log == "to stdout\nto stderr\n"


def test_init_containers_run_before_the_others_and_share_volumes(bench: Any) -> None:
    mounts = {"volumeMounts": [{"name": "work", "mountPath": "/work-dir"}]}
    write = {"name": "first", "image": "any", "command": ["sh", "-c", "echo a > /work-dir/file"]}
    add = {"name": "second", "image": "any", "command": ["sh", "-c", "echo b >> /work-dir/file"]}
    bench.run(
        *("sh", "-c", "cat /work-dir/file > /dev/termination-log"),
        initContainers=[{**write, **mounts}, {**add, **mounts}],
        container=mounts,
        volumes=[{"name": "work", "emptyDir": {"medium": "Memory"}}],
    )

    assert bench.wait_for_end("pod")["message"] == "a\nb\n"


def test_a_failed_init_container_fails_the_pod(bench: Any) -> None:
    failing = {"name": "first", "image": "any", "command": ["false"]}
    bench.run("true", initContainers=[failing])

    pod = bench.wait_for_phase("pod", "Failed")

    assert pod["status"]["initContainerStatuses"][0]["state"]["terminated"]["exitCode"] == 1
    waiting = pod["status"]["containerStatuses"][0]["state"]["waiting"]
    assert waiting["reason"] == "PodInitializing"


def test_a_failed_container_is_restarted_when_the_policy_says_so(bench: Any) -> None:
    mounts = {"volumeMounts": [{"name": "work", "mountPath": "/work-dir"}]}
    script = "test -e /work-dir/been-here && exit 0; touch /work-dir/been-here; exit 1"
    bench.run(
        *("sh", "-c", script),
        restartPolicy="OnFailure",
        container=mounts,
        volumes=[{"name": "work", "emptyDir": {}}],
    )

    status = bench.wait_for_phase("pod", "Succeeded")["status"]["containerStatuses"][0]

    assert status["restartCount"] == 1
    assert status["lastState"]["terminated"]["exitCode"] == 1


def test_the_environment_is_only_what_the_pod_asks_for(bench: Any) -> None:
    bench.run(*say("__import__('json').dumps(dict(__import__('os').environ))"))

    environment = json.loads(bench.wait_for_end("pod")["message"])

    # Python itself adds LC_CTYPE in the C locale.
    assert set(environment) - {"LC_CTYPE"} == {"PATH", "HOME", "TMPDIR", "LANG"}


def test_the_downward_api_knows_the_pod(bench: Any) -> None:
    fields = {
        "NAME": "metadata.name",
        "NODE": "spec.nodeName",
        "POD_IP": "status.podIP",
        "HOST_IP": "status.hostIP",
    }
    env: list[dict[str, Any]] = [
        {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}}
        for name, path in fields.items()
    ]
    limit = {"resource": "limits.memory", "divisor": "1Mi"}
    env.append({"name": "MEMORY", "valueFrom": {"resourceFieldRef": limit}})
    bench.run(
        *("sh", "-c", "echo $NAME $NODE $POD_IP $HOST_IP $MEMORY > /dev/termination-log"),
        container={"env": env, "resources": {"limits": {"memory": "64Mi"}}},
    )

    message = bench.wait_for_end("pod")["message"]

    pod_ip = bench.read("pods", "pod")["status"]["podIP"]
    assert message.split() == ["pod", "process-node", pod_ip, "127.0.0.1", "64"]


def test_two_pods_serve_the_same_port_on_their_own_addresses(bench: Any, wait: Any) -> None:
    script = (
        "import os, socket\n"
        "server = socket.create_server((os.environ['POD_IP'], 9400))\n"
        "open(os.environ['READY'], 'w').close()\n"
        "server.accept()[0].sendall(os.environ['POD_IP'].encode())\n"
    )
    env = [
        {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
        {"name": "READY", "value": "/dev/termination-log"},
    ]
    for name in ("one", "two"):
        bench.run("python", "-c", script, name=name, container={"env": env})
    addresses = [
        bench.wait_for_phase(name, "Running")["status"]["podIP"] for name in ("one", "two")
    ]

    answers = [wait(f"{address} answers", lambda a=address: ask(a)) for address in addresses]

    assert answers == addresses
    assert len(set(addresses)) == 2


def ask(address: str) -> str | None:
    try:
        with socket.create_connection((address, 9400), timeout=5) as connection:
            return connection.recv(100).decode()
    except ConnectionRefusedError:  # not listening yet
        return None


def test_an_image_without_entry_point_is_not_found(bench: Any) -> None:
    bench.run(container={"image": "example/absent:1"})

    waiting = bench.wait_for_waiting("pod", "ImagePullBackOff")

    assert "example/absent:1" in waiting["message"]


SIDECAR = {"name": "proxy", "image": "any", "command": ["sleep", "60"], "restartPolicy": "Always"}
NFS = {"name": "shared", "nfs": {"server": "nowhere", "path": "/"}}


@pytest.mark.parametrize(
    ("spec", "named"),
    [
        pytest.param({"volumes": [NFS]}, "nfs", id="a volume it does not know"),
        pytest.param({"initContainers": [SIDECAR]}, "no sidecars", id="a sidecar"),
    ],
)
def test_what_the_node_cannot_do_fails_the_pod_with_a_reason(
    bench: Any, spec: dict[str, Any], named: str
) -> None:
    bench.run("true", **spec)

    status = bench.wait_for_phase("pod", "Failed")["status"]

    assert status["reason"] == "ProcessNodeError"
    assert named in status["message"]


def test_kubectl_logs_follows_a_container_to_its_end(bench: Any) -> None:
    bench.run("sh", "-c", "echo first; sleep 0.3; echo last")
    bench.wait_for_phase("pod", "Running", "Succeeded")

    text = bench.cluster.kubectl("logs", "--follow", "pod", "--namespace", bench.namespace)

    assert text == "first\nlast\n"


def test_kubectl_logs_gives_the_tail(bench: Any) -> None:
    bench.run("seq", "100")
    bench.wait_for_end("pod")

    text = bench.cluster.kubectl("logs", "--tail=2", "pod", "--namespace", bench.namespace)

    assert text == "99\n100\n"
