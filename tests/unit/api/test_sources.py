import pytest

from finetune_api.sources import Source, parse_source


@pytest.mark.parametrize(
    ("uri", "source"),
    [
        pytest.param("hf://org/name", Source("hf", "org/name", ""), id="a hub repository"),
        pytest.param("hf://gpt2", Source("hf", "gpt2", ""), id="a canonical hub model"),
        pytest.param("pvc://c/a/b.csv", Source("pvc", "c", "a/b.csv"), id="a path of a claim"),
        pytest.param("pvc://c/", Source("pvc", "c", ""), id="a whole claim"),
        pytest.param("s3://data/a/b.csv", Source("s3", "data", "a/b.csv"), id="an object"),
        pytest.param("configmap://c/a.csv", Source("configmap", "c", "a.csv"), id="a ConfigMap"),
        pytest.param("job://reviews", Source("job", "reviews", ""), id="another job"),
        pytest.param("file:///m/bert", Source("file", "", "/m/bert"), id="a path of the image"),
    ],
)
def test_a_source_is_taken_apart(uri: str, source: Source) -> None:
    assert parse_source(uri) == source
    assert parse_source(source.uri) == source


@pytest.mark.parametrize(
    "uri",
    [
        "s3://b",
        "hf://a/b/c",
        "pvc://c/../d",
        "pvc://c//d",
        "file://x",
        "pvc:///x",
        "hf://a/b\n",
        "file:///a/./b",
    ],
)
def test_what_is_no_source_is_refused_with_the_forms_that_are(uri: str) -> None:
    with pytest.raises(ValueError, match=r"hf://org/name, pvc://claim/path, .* or file:///"):
        parse_source(uri)
