import re
import time
from pathlib import Path

import pytest
import yaml

from audiocli.config.document import parse, read_document, read_documents
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


MEGABYTE = 1_000_000
COSTLY = {
    "sexagesimal numbers": "a: [" + "1:30:30," * 75_000 + "]",
    "a sexagesimal number": "a: 1" + ":30" * 200_000,
    "brackets": "[" * MEGABYTE,
    "mappings": "{a: " * 250_000,
    "dashes": "- " * 500_000,
    "an open quote": 'a: "' + "x" * MEGABYTE,
    "anchors": "&a " * 300_000,
    "aliases": "a: &a 1\nb: [" + "*a," * 250_000 + "]",
    "merges": "a: &a {" + ",".join(f"k{n}: 1" for n in range(4000)) + "}\n"
    "" + "".join(f"m{n}: {{<<: *a}}\n" for n in range(900)),
    "digits": "a: " + "9" * MEGABYTE,
    "hexadecimal digits": "a: 0x" + "f" * MEGABYTE,
    "documents": "---\n" * 250_000,
    "keys": "".join(f"k{n}: 1\n" for n in range(80_000)),
    "a block": "a: |\n" + " x\n" * 300_000,
    "tags": "!!a " * 250_000,
    "a name of an anchor": "a: *" + "x" * MEGABYTE,
    "the same key": "a" * 90_000 + ": 1\n" + "a" * 90_000 + ": 1\n",
}


@pytest.mark.parametrize("text", COSTLY.values(), ids=COSTLY)
def test_what_is_costly_to_read_is_refused_at_once(text: str) -> None:
    began = time.process_time()
    with pytest.raises(ConfigError, match=r"is not valid YAML \(line \d+: ") as caught:
        parse(text.encode(), "config.yaml")
    assert time.process_time() - began < 3
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"a: 1\nb: 1e400", "line 2: '1e400' is not a finite number"),
        (b"a: .nan", "line 1: '.nan' is not a finite number"),
        (b"a: [-.inf]", "line 1: '-.inf' is not a finite number"),
        (b"a: !!float .NaN", "'.NaN' is not a finite number"),
        (b"a: " + b"9" * 5000, "a number has more than 300 digits"),
        (b"a: !!timestamp 99", "line 1: unsupported tag '!!timestamp'"),
        (b"a: !!binary zzz=", "unsupported tag '!!binary'"),
        (b"a: !!set {a, b}", "unsupported tag '!!set'"),
        (b"a: !!omap [a: 1]", "unsupported tag '!!omap'"),
        (b"a: !own x", "unsupported tag '!own'"),
        (b"a: !!int x", "'x' is not int"),
        (b"a: !!bool 1", "'1' is not bool"),
        (b"a: !!map [1]", "unsupported tag '!!map'"),
        (b"a: 1\n---\nb: 2", "line 2: a second document begins"),
        (b"a: 1\nb: \0", "line 2: it has the control character U+0000"),
        (b'a: "\\0"', "control character U+0000"),
        (b'a: "\\e[31m"', "control character U+001B"),
        (b'a: "\\uD800"', "line 1: "),
        (b"a: 1\nb: \xe9", "line 2: it is not UTF-8"),
        (b"\xff\xfea", "it is not UTF-16"),
        (b"? [a]\n: 1", "a key must be text"),
        (b"a: {<<: 1}", "<< must name a mapping"),
        (b"a: {<<: [1]}", "<< must name a mapping"),
        (b"%YAML 9.9\n---\na: 1", "line 1: "),
    ],
)
def test_a_trap_is_an_error_with_its_line(content: bytes, problem: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(problem)):
        parse(content, "config.yaml")


@pytest.mark.parametrize(
    ("content", "value"),
    [
        ("a: é".encode(), {"a": "é"}),
        ("\ufeffa: é".encode(), {"a": "é"}),
        ("a: é".encode("utf-16"), {"a": "é"}),
        (b"a: 2025-01-01", {"a": "2025-01-01"}),
        (b"a: 1:30", {"a": "1:30"}),
        (b"a: [1, -2, 0x1F, 0b11, 0o17, 017, 1_000]", {"a": [1, -2, 31, 3, 15, 15, 1000]}),
        (
            b"a: [1.5, .5, 1., 1e3, -1.5E-2, 08, 1.2.3, 0x, 0b_]",
            {"a": [1.5, 0.5, 1.0, 1000.0, -0.015, "08", "1.2.3", "0x", "0b_"]},
        ),
        (b"a: [yes, Off, null, ~, '']", {"a": [True, False, None, None, ""]}),
        (b"a: ['1', \"true\", !!str 1, ! 1]", {"a": ["1", "true", "1", "1"]}),
        (b"a: [!!int 5, !!float 5, !!null ~, !!bool no]", {"a": [5, 5.0, None, False]}),
        (b"1: a\non: b\n~: c", {"1": "a", "on": "b", "~": "c"}),
        (b"a: &x 1\n*x : 2", None),
        (
            b"a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc: {<<: [*a, *b], z: 3}",
            {"a": {"x": 1, "y": 1}, "b": {"y": 2, "z": 2}, "c": {"x": 1, "y": 1, "z": 3}},
        ),
        (b"a: |\n  x\n  y\n", {"a": "x\ny\n"}),
        (b"--- {a: 1}\n...\n", {"a": 1}),
        (b"a: &deep [[1]]\nb: *deep", {"a": [[1]], "b": [[1]]}),
    ],
)
def test_plain_values_are_what_litellm_reads(content: bytes, value: object) -> None:
    if value is None:
        with pytest.raises(ConfigError, match="a key must be text"):
            parse(content, "config.yaml")
    else:
        assert parse(content, "config.yaml") == value


def test_the_parser_in_python_reads_the_same() -> None:
    """It is what there is where PyYAML was built without libyaml."""
    text = b"a: &a {x: [1, 1.5, 'a', null]}\nb: *a\nc: |\n  t\n"
    assert parse(text, "config.yaml", yaml.SafeLoader) == parse(text, "config.yaml")
    for costly in ("brackets", "dashes", "aliases"):
        with pytest.raises(ConfigError, match="not valid YAML"):
            parse(COSTLY[costly].encode(), "config.yaml", yaml.SafeLoader)


def test_a_name_with_a_nul_is_no_internal_error() -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read_documents(Path("a\0b"))
