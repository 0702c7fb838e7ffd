"""Rules of finding the reason that stands beside a key."""

from pathlib import Path

from mlops.config.comments import comments

TEXT = """\
# What the file is about.
first: 1
second: 'a # b'  # a reason
third: [1, 2]    # a reason over
                 # two lines
# of the section
part:
  # above the key
  fourth: null
  fifth: 5       # beside a key in a section

  sixth: 6
  # of nobody

  seventh: 7
"""


def test_a_reason_is_found_where_it_stands(tmp_path: Path) -> None:
    """Behind the key, over several lines, or right above; never what the file begins with."""
    path = tmp_path / "x.yaml"
    path.write_text(TEXT)

    assert comments(path) == {
        ("second",): "a reason",
        ("third",): "a reason over two lines",
        ("part",): "of the section",
        ("part", "fourth"): "above the key",
        ("part", "fifth"): "beside a key in a section",
    }
