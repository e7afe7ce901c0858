import pytest

from finetune_trainer.evaluation.entities import (
    Entity,
    describe_entities,
    find_entities,
    score_entities,
)


@pytest.mark.parametrize(
    ("tags", "entities"),
    [
        pytest.param("O O O", [], id="nothing is found outside"),
        pytest.param("B-PER I-PER O", [("PER", 0, 2)], id="I goes on with B"),
        pytest.param("B-PER B-PER", [("PER", 0, 1), ("PER", 1, 2)], id="B begins another one"),
        pytest.param("B-PER I-LOC", [("PER", 0, 1), ("LOC", 1, 2)], id="another kind is another"),
        pytest.param("O I-PER I-PER", [("PER", 1, 3)], id="I begins what nothing began"),
        pytest.param("B-PER O I-PER", [("PER", 0, 1), ("PER", 2, 3)], id="O ends an entity"),
        pytest.param("B-PER I-PER E-PER S-LOC", [("PER", 0, 3), ("LOC", 3, 4)], id="BIOES"),
        pytest.param("B-PER L-PER U-LOC O", [("PER", 0, 2), ("LOC", 2, 3)], id="BILOU"),
        pytest.param("E-PER I-PER", [("PER", 0, 1), ("PER", 1, 2)], id="E ends at once"),
        pytest.param("NOUN NOUN VERB", [("NOUN", 0, 1), ("NOUN", 1, 2), ("VERB", 2, 3)], id="no B"),
        pytest.param("X-RAY I-", [("X-RAY", 0, 1), ("I-", 1, 2)], id="what only looks like one"),
        pytest.param("B-A-B I-A-B", [("A-B", 0, 2)], id="a kind with a dash"),
    ],
)  # fmt: skip
def test_tags_are_read_as_entities(tags: str, entities: list[tuple[str, int, int]]) -> None:
    assert find_entities(tags.split()) == [Entity(*entity) for entity in entities]


def test_an_entity_counts_only_when_kind_start_and_end_are_right() -> None:
    wanted = [["B-PER", "I-PER", "O", "B-LOC"], ["O", "B-LOC", "O", "O"]]
    given = [["B-PER", "O", "O", "B-LOC"], ["O", "B-PER", "O", "B-LOC"]]

    scores = score_entities(wanted, given)

    assert scores["precision"] == 1 / 4
    assert scores["recall"] == 1 / 3
    assert scores["f1"] == pytest.approx(2 / 7)
    assert scores["accuracy"] == 5 / 8


def test_finding_nothing_scores_nothing_and_fails_at_nothing() -> None:
    scores = score_entities([["O", "B-PER"], ["O"]], [["O", "O"], ["O"]])

    assert scores == {"f1": 0.0, "precision": 0.0, "recall": 0.0, "accuracy": 2 / 3}


def test_entities_are_named_by_their_words() -> None:
    words = ["Ada", "Lovelace", "lived", "in", "London"]

    assert (
        describe_entities(words, ["B-PER", "I-PER", "O", "O", "B-LOC"])
        == "PER: Ada Lovelace; LOC: London"
    )
    assert describe_entities(words, ["O"] * 5) == "none"
