"""The alerts: they fire when they should, stay quiet when they should, and say what to do."""

import subprocess
from typing import Any

import pytest

from chart_metrics import list_metrics
from chart_queries import find_faults, list_rules
from chart_rendering import CHART, ROOT, render
from devcluster import binaries
from finetune_api.contract.exit_codes import MEANINGS

RULES = [pytest.param(rule, id=rule["alert"]) for rule in list_rules()]
RULE_FILES = sorted(CHART.glob("rules/*.yaml"))
RUNBOOKS = ROOT / "docs" / "runbooks"


def run_promtool(*arguments: str) -> None:
    command = [str(binaries.ensure("promtool")), *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_rules_are_well_formed() -> None:
    run_promtool("check", "rules", "--lint-fatal", *map(str, RULE_FILES))


@pytest.mark.parametrize("rules", RULE_FILES, ids=lambda path: path.stem)
def test_alerts_fire_when_they_should(rules: Any) -> None:
    run_promtool("test", "rules", f"{ROOT}/tests/chart/rules/{rules.stem}.test.yaml")


@pytest.mark.parametrize("rule", RULES)
def test_an_alert_is_about_metrics_that_are_exported(rule: dict[str, Any]) -> None:
    assert find_faults(rule["expr"], list_metrics()) == []


@pytest.mark.parametrize("rule", RULES)
def test_an_alert_says_what_it_is_about_and_how_urgent(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in {"info", "warning", "critical"}
    assert {"summary", "description"} <= rule["annotations"].keys()


@pytest.mark.parametrize("rule", RULES)
def test_an_alert_has_a_runbook(rule: dict[str, Any]) -> None:
    lines = (RUNBOOKS / f"{rule['alert']}.md").read_text().splitlines()

    assert lines[0] == f"# {rule['alert']}"
    headings = [line for line in lines if line.startswith("## ")]
    assert headings == ["## Meaning", "## Impact", "## Diagnosis", "## Mitigation"]


def test_every_runbook_belongs_to_an_alert() -> None:
    assert {path.stem for path in RUNBOOKS.glob("*.md")} == {rule["alert"] for rule in list_rules()}


def test_the_runbook_of_failed_jobs_names_every_reason_that_is_final() -> None:
    text = (RUNBOOKS / "FineTuneJobFailed.md").read_text()

    final = {m.reason for code, m in MEANINGS.items() if code and not m.retried}
    assert {reason for reason in final if f"`{reason}`" not in text} == set()


def list_rendered_rules(values: dict[str, Any]) -> list[dict[str, Any]]:
    resource = render({"prometheusRule": {"enabled": True} | values}).only("PrometheusRule")
    return [rule for group in resource["spec"]["groups"] for rule in group["rules"]]


def test_the_chart_adds_a_link_and_changes_nothing_else() -> None:
    rendered = list_rendered_rules({"runbookUrl": "https://runbooks.example/"})

    links = {rule["alert"]: rule["annotations"].pop("runbook_url") for rule in rendered}
    assert links == {
        rule["alert"]: f"https://runbooks.example/{rule['alert']}.md" for rule in list_rules()
    }
    assert rendered == list_rules()


def test_an_alert_can_be_left_out() -> None:
    rendered = list_rendered_rules({"disabled": ["FineTuneJobFailed"]})

    assert [rule["alert"] for rule in rendered] == ["FineTuneJobStalled"]
