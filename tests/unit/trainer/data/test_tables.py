from finetune_trainer.data.tables import BrokenRow, Origin, Table, join_tables


def a_table(name: str, texts: list[str]) -> Table:
    return Table({"text": list(texts)}, (Origin(name, 0),))


def names(table: Table) -> list[str]:
    return [table.describe_row(index) for index in range(len(table))]


def test_rows_keep_their_names_when_others_are_left_out() -> None:
    table = join_tables([a_table("a.csv", ["1", "2", "3", "4"]), a_table("b.csv", ["5", "6"])])

    rest = table.without({0, 2, 4})

    assert rest.columns["text"] == ["2", "4", "6"]
    assert names(rest) == ["row 2 of a.csv", "row 4 of a.csv", "row 2 of b.csv"]


def test_rows_can_be_left_out_twice() -> None:
    rest = a_table("a.csv", ["1", "2", "3", "4", "5"]).without({1}).without({1})

    assert names(rest) == ["row 1 of a.csv", "row 4 of a.csv", "row 5 of a.csv"]


def test_a_file_without_rows_names_nobody() -> None:
    table = join_tables([a_table("a.csv", []), a_table("b.csv", ["1"])])

    assert names(table) == ["row 1 of b.csv"]


def test_broken_rows_move_with_their_file() -> None:
    second = Table({"text": ["2", None]}, (Origin("b.csv", 0),), {1: BrokenRow("torn")})

    table = join_tables([a_table("a.csv", ["1"]), second])

    assert table.broken == {2: BrokenRow("torn")}
