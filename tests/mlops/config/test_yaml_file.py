"""Rules of reading YAML files."""

from pathlib import Path

import pytest

from mlops.config.yaml_file import mapping, nodes, read
from mlops.core.errors import ConfigError

PATH = Path("x.yaml")

MISTAKES = {
    "tab": ("a:\n\tb: 1\n", "x.yaml:2: expected spaces, found a tab"),
    "tab after spaces": ("a:\n  b: 1\n \tc: 1\n", "x.yaml:3: expected spaces, found a tab"),
    "open bracket": ("a: [1\nb:\n  c: 1\n", "x.yaml:2: not valid YAML: .* begins in line 1"),
    "open quote": ('a:\n  b: "x\nc: 1\n', "x.yaml:4: not valid YAML: .* begins in line 2"),
    "indentation": ("a:\n  b: 1\n c: 1\n", "x.yaml:3: not valid YAML"),
    "colon in a text": ("a: b: c\n", "x.yaml:1: not valid YAML: mapping values"),
    "two documents": ("a: 1\n---\nb: 1\n", "x.yaml:2: not valid YAML"),
    "object": ("a: !!python/object:os.system {}\n", "x.yaml:1: not valid YAML: .*constructor"),
    "control character": ("a: b\nc: d\x01\n", "x.yaml:2: expected text, found the control char"),
    "list": ("- a\n", "x.yaml: expected `key: value` lines, found a list"),
    "text": ("a\n", "x.yaml: expected `key: value` lines, found a text"),
    "empty": ("", "x.yaml: expected `key: value` lines, found an empty file"),
    "comments only": ("# a\n", "x.yaml: expected `key: value` lines, found an empty file"),
}


@pytest.mark.parametrize(("text", "message"), MISTAKES.values(), ids=MISTAKES)
def test_mistake_is_told_with_its_line(text: str, message: str) -> None:
    """A file that is not a YAML mapping is refused with file and, where there is one, line."""
    with pytest.raises(ConfigError, match=message):
        mapping(PATH, text)


def test_other_encoding_is_told_with_line(tmp_path: Path) -> None:
    """A file that is not UTF-8 is refused with the line of the first wrong byte."""
    path = tmp_path / "x.yaml"
    path.write_bytes(b"a: b\nc: \xe9\n")

    with pytest.raises(ConfigError, match=r"x\.yaml:2: expected UTF-8 text, found the byte 0xe9"):
        read(path)


def test_byte_order_mark_is_ignored(tmp_path: Path) -> None:
    """What Windows editors put in front of a file is no part of its first key."""
    path = tmp_path / "x.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\r\n")

    assert mapping(path, read(path)) == {"a": 1}


def test_missing_file_is_told(tmp_path: Path) -> None:
    """A file that cannot be read is a configuration error."""
    with pytest.raises(ConfigError, match="cannot be read"):
        read(tmp_path / "none.yaml")


def test_nodes_of_a_broken_file_are_refused(tmp_path: Path) -> None:
    """Looking for a line in a file that cannot be parsed tells that mistake."""
    (tmp_path / "x.yaml").write_text("a: [", encoding="utf-8")

    with pytest.raises(ConfigError, match=r"x\.yaml:1: not valid YAML"):
        nodes(tmp_path / "x.yaml")


def test_nodes_of_an_empty_file_are_an_empty_mapping(tmp_path: Path) -> None:
    """A file without content has a tree without keys."""
    (tmp_path / "x.yaml").touch()

    assert nodes(tmp_path / "x.yaml").value == []
