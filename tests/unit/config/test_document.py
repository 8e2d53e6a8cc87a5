from pathlib import Path

import pytest

from audiocli.config.document import read_document, read_documents
from audiocli.config.section import Section
from audiocli.errors import ConfigError


def document(folder: Path, text: str, name: str = "config.yaml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_every_key_knows_its_line(tmp_path: Path) -> None:
    path = document(tmp_path, "a: 1\nb:\n  c: 2\n")
    read = read_document(path)
    assert read == {"a": 1, "b": {"c": 2}}
    assert read.section("b").where("c") == f"{str(path)!r}, line 3"


def test_a_mapping_is_asked_for_and_a_list_is_there(tmp_path: Path) -> None:
    read = read_document(document(tmp_path, "a: [1]\nb: {c: 1}\n"))
    with pytest.raises(ConfigError, match="line 1: a must be a mapping"):
        read.section("a")
    with pytest.raises(ConfigError, match="line 2: b must be a list"):
        read.items_of("b")
    assert read.section("z") == Section()


def test_anchors_and_merges_work(tmp_path: Path) -> None:
    text = "base: &base {timeout: 5}\nmore:\n  <<: *base\n  rpm: 1\nagain: *base\n"
    assert read_document(document(tmp_path, text)) == {
        "base": {"timeout": 5},
        "more": {"timeout": 5, "rpm": 1},
        "again": {"timeout": 5},
    }


LAUGHS = "a: &a [1,2,3,4,5,6,7,8,9,0]\n" + "".join(
    f"{name}: &{name} [{','.join([f'*{before}'] * 10)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (LAUGHS, "too many values"),
        (
            "a: !!python/object/apply:os.system ['true']\n",
            "line 1: unsupported tag '!!python/object/apply:os.system'",
        ),
        ("a: &a\n  b: *a\n", "recursive"),
        ("a: 1\na: 2\n", "line 2: duplicate key 'a'"),
        ("a: [1\n", "line 2"),
        ("a: *nothing\n", "undefined alias"),
        ("a: 1\n\tb: 2\n", "line 2"),
        ("[" * 5000, "nest"),
        ("- " * 5000, "line 1: it is nested too deeply"),
        ("- a\n", "is not a mapping"),
        ("just text\n", "is not a mapping"),
        ("", "is empty"),
        ("# nothing\n", "is empty"),
        ("a: \x07\n", "not valid YAML"),
        ("x" * 1_100_000, "larger than 1 MB"),
    ],
)
def test_what_is_no_plain_yaml_is_one_line(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_document(document(tmp_path, text))
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_no_text_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(b"a: \xff\xff")
    with pytest.raises(ConfigError, match="not valid YAML"):
        read_document(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nothing\.yaml' cannot be read"):
        read_document(tmp_path / "nothing.yaml")


def test_included_models_are_joined_and_the_including_files_values_hold(tmp_path: Path) -> None:
    more = document(tmp_path, "model_list: [b]\ngeneral_settings: {x: 2, y: 2}\nz: 3\n", "more.yaml")
    path = document(tmp_path, "include: [more.yaml]\nmodel_list: [a]\ngeneral_settings: {x: 1}\n")
    read, files = read_documents(path)
    assert read["model_list"] == ["a", "b"]
    assert read["general_settings"] == {"x": 1, "y": 2}
    assert read["z"] == 3
    assert [each.path for each in files] == [path, more]
    assert read.where("z") == f"{str(more)!r}, line 3"


def test_a_file_that_includes_itself_is_refused(tmp_path: Path) -> None:
    document(tmp_path, "include: [config.yaml]\n", "more.yaml")
    with pytest.raises(ConfigError, match="included twice"):
        read_documents(document(tmp_path, "include: [more.yaml]\n"))
