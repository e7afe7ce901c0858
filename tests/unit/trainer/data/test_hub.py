"""How the features of a hub data set become plain values; a local folder stands for the hub."""

from pathlib import Path

import pytest

from finetune_trainer.data.hub import read_hub_table
from finetune_trainer.data.kinds.answers import ANSWERS


def test_tags_that_are_numbers_with_names_get_their_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from datasets import ClassLabel, Dataset, Features, List, Value

    monkeypatch.setenv("HF_HOME", str(tmp_path / "cache"))
    answers = {"text": List(Value("string")), "answer_start": List(Value("int32"))}
    features = Features(
        {
            "tokens": List(Value("string")),
            "ner_tags": List(ClassLabel(names=["O", "B-PER"])),
            "label": ClassLabel(names=["bad", "good"]),
            "answers": answers,
        }
    )
    rows = {
        "tokens": [["Ada", "wrote"], ["it"]],
        "ner_tags": [[1, 0], [0]],
        "label": [1, -1],
        "answers": [{"text": ["Ada"], "answer_start": [0]}, {"text": [], "answer_start": []}],
    }
    (tmp_path / "set").mkdir()
    Dataset.from_dict(rows, features=features).to_parquet(tmp_path / "set" / "train.parquet")

    wanted = {"tokens": "tokens", "tags": "ner_tags", "label": "label", "answers": "answers"}
    table = read_hub_table(str(tmp_path / "set"), (None, "train"), "main", wanted, "dataset.train")

    assert table.columns["tags"] == [["B-PER", "O"], ["O"]]
    assert table.columns["label"] == ["good", None]
    found = [ANSWERS.normalize(answer) for answer in table.columns["answers"]]
    assert found == rows["answers"]
