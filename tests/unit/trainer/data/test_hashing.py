from finetune_trainer.data.hashing import fingerprint_parts, hash_row
from finetune_trainer.data.tables import Origin, Part, Table


def a_part(name: str = "train", texts: tuple[str, ...] = ("a", "b")) -> Part:
    table = Table({"text": list(texts)}, (Origin("a.csv", 0),))
    return Part(name, table, range(len(texts)))


def test_hashes_are_the_same_on_every_machine() -> None:
    """If this number changes, every running job gets another split when its pod restarts."""
    assert hash_row(["größer"], "split-42") == 6_466_602_717_138_705_420


def test_another_salt_gives_an_unrelated_hash() -> None:
    assert hash_row(["a"], "split-1") != hash_row(["a"], "split-2")


def test_the_fingerprint_changes_with_a_row_an_order_and_a_part() -> None:
    prints = {
        fingerprint_parts([a_part()]),
        fingerprint_parts([a_part(texts=("a", "c"))]),
        fingerprint_parts([a_part(texts=("b", "a"))]),
        fingerprint_parts([a_part(name="test")]),
        fingerprint_parts([a_part(texts=("ab",))]),
        fingerprint_parts([a_part(), a_part("test")]),
    }

    assert len(prints) == 6


def test_equal_rows_have_equal_fingerprints() -> None:
    assert fingerprint_parts([a_part()]) == fingerprint_parts([a_part()])
