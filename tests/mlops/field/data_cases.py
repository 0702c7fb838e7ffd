"""The table of data files: one line, one case."""

# ruff: noqa: E501

import gzip
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import polars as pl


@dataclass(frozen=True)
class Link:
    """A symbolic link."""

    target: str


@dataclass(frozen=True)
class Pipe:
    """A named pipe, which nobody writes to."""


@dataclass(frozen=True)
class Case:
    """Files by name, the source that is configured, and what must come of them.

    `rows` and `labels` are what the last stage leaves of all splits; `says` must all be printed.
    Without `rows` the command must end with an error of one sentence.
    """

    name: str
    files: Mapping[str, bytes | str | Link | Pipe]
    rows: int | None = None
    says: tuple[str, ...] = ()
    labels: tuple[str, ...] = ("neg", "pos")
    through: Literal["ingest", "prepare", "dvc"] = "ingest"
    source: str | None = None  # of several files; else the first
    ending: str = ""  # of the configured path
    data: Mapping[str, object] = field(default_factory=dict)  # keys of the section data


def lines(rows: int = 40, delimiter: str = ",", end: str = "\n", labels: str = "neg pos") -> str:
    """Return rows of different texts whose labels take turns."""
    names = labels.split(" ")
    return "".join(
        f"a film of number {n}{delimiter}{names[n % len(names)]}{end}" for n in range(rows)
    )


def csv(rows: int = 40, delimiter: str = ",", end: str = "\n", labels: str = "neg pos") -> str:
    """Return a plain file."""
    return f"text{delimiter}label{end}" + lines(rows, delimiter, end, labels)


def quoted(delimiter: str, label: str = "label") -> str:
    """Return a file as R and databases write it, with quotes around each value."""
    rows = [("text", label), *(line.split(",") for line in lines().splitlines())]
    return "".join(delimiter.join(f'"{value}"' for value in row) + "\n" for row in rows)


def jsonl(*more: object) -> str:
    """Return 40 plain lines of JSON, and more."""
    plain = [{"text": f"film {n}", "label": ("neg", "pos")[n % 2]} for n in range(40)]
    return "".join(f"{json.dumps(row)}\n" for row in [*plain, *more])


def parquet(**columns: object) -> bytes:
    """Return a Parquet file."""
    file = io.BytesIO()
    pl.DataFrame(columns).write_parquet(file)
    return file.getvalue()


def one(name: str, content: bytes | str, *says: str, **more: object) -> Case:
    """Return the case of a single CSV."""
    return Case(name, {"reviews.csv": content}, says=says, **more)  # type: ignore[arg-type]


def tsv(name: str, content: str, *says: str, **more: object) -> Case:
    """Return the case of a single TSV."""
    return Case(name, {"reviews.tsv": content}, says=says, **more)  # type: ignore[arg-type]


def folder(name: str, files: dict[str, object], *says: str, **more: object) -> Case:
    """Return the case of a folder: `reviews/`."""
    named = {
        path[3:] if path.startswith("../") else f"reviews/{path}": file
        for path, file in files.items()
    }
    return Case(name, named, says=says, source="reviews", **more)  # type: ignore[arg-type]


def json_lines(name: str, content: str, *says: str, **more: object) -> Case:
    """Return the case of a single JSONL."""
    return Case(name, {"reviews.jsonl": content}, says=says, **more)  # type: ignore[arg-type]


def labels(name: str, content: str, *says: str, **more: object) -> Case:
    """Return a case that only `prepare` can judge."""
    return one(name, content, *says, through="prepare", **more)


NONE, STANDARD = "data.quoting=none", "data.quoting=standard"
STRAY = csv(delimiter="\t") + '"Fine film\tpos\n' + lines(60, "\t") + 'So "fine" it is\tneg\n'
PAIR = csv(delimiter="\t") + '"Fine film\tpos\n' + "b\tneg\n" * 3 + 'c, and "\tneg\n'
SPARK = csv() + '"They said \\"fine\\" twice",pos\n'
STARS = ["one", "two", "three", "four", "five"]

CASES = (
    # Through DVC, as most people do it.
    one("plain", csv(), rows=40, through="dvc"),
    one("one row with an unquoted comma", csv() + "good, but long,pos\n", "row 42", through="dvc"),
    one("one byte of another encoding", csv().encode() + b"caf\xe9,pos\n", "reviews.csv, line 42, byte 4", through="dvc"),
    tsv("a TSV without quoting", STRAY, "row 42", NONE, through="dvc"),
    one("labels in two cases", csv(labels="neg pos POS"), "'POS' (13 rows) and 'pos' (13 rows)", through="dvc"),
    # What a file is.
    json_lines("JSONL with one wrong byte", jsonl(), rows=40),
    Case("JSONL of another encoding", {"a.jsonl": jsonl().encode() + b'{"text": "caf\xe9"}\n'}, says=("a.jsonl, line 41, byte 14", "iconv")),
    one("one wrong byte in UTF-8", csv().encode() + "é,pos\n".encode() + b"\xe9,pos\n", "line 43", "do not convert"),
    one("a byte order mark", "\ufeff" + csv(), rows=40),
    one("a byte order mark before quotes", "\ufeff" + csv().replace("text,label", '"text","label"') + '"a film, and more",pos\n"short",neg\n', rows=42),
    one("a byte order mark, quotes around all", "\ufeff" + "\n".join(['"text","label"', *(f'"a film {n}","{("neg", "pos")[n % 2]}"' for n in range(40)), ""]), rows=40),
    Case("gzip in gzip", {"a.csv.gz": gzip.compress(gzip.compress(csv().encode()))}, says=("packed with gzip",)),
    one("labels with a dotted and a plain i", csv(labels="İyi iyi kötü"), "differ only", through="prepare"),
    one("UTF-16", csv().encode("utf-16"), "iconv -f UTF-16 "),
    one("UTF-16 without a mark", csv().encode("utf-16-le"), "iconv -f UTF-16LE"),
    Case("UTF-16 as TSV", {"a.tsv": b"\xfe\xff" + csv(delimiter="\t").encode("utf-16-be")}, says=("iconv -f UTF-16 ",)),
    one("gzip without its name", gzip.compress(csv().encode()), "end with .gz"),
    one("a workbook", b"PK\x03\x04\x14\0\x06\0\x08\0\0\0!\0", "Excel workbook"),
    one("Parquet without its name", parquet(text=["a"], label=["b"]), "end with .parquet"),
    one("a web page", "<!DOCTYPE html>\n<html>\n<body>Log in</body>\n", "web page"),
    one("a pointer of Git LFS", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "git lfs pull"),
    Case("gzip that is none", {"a.csv.gz": csv()}, says=("a.csv.gz", "is it complete")),
    Case("gzip that is cut", {"a.csv.gz": gzip.compress(csv(4000).encode())[:-99]}, says=("a.csv.gz", "is it complete")),
    Case("gzip in capitals", {"A.CSV.GZ": gzip.compress(csv().encode())}, rows=40),
    one("no bytes", "", "is empty"),
    one("only a header", "text,label\n", "no rows"),
    Case("a name with a slip", {"reviews.csv": csv()}, source="reveiws.csv", says=("did you mean 'reviews.csv'",)),
    Case("a pipe", {"a.csv": Pipe()}, says=("neither a file nor a folder",)),
    # Quotes.
    tsv("a TSV whose quotes are characters", STRAY, rows=102, data={"quoting": "none"}),
    tsv("quotes around several rows", PAIR, "row 42", "looks like a separate row", NONE, STANDARD),
    tsv("quotes around several rows believed", PAIR.replace(', and "', ' and"'), rows=41, data={"quoting": "standard"}),
    one("a quote that is never closed", csv() + '"good,pos\n' + lines(), "row 42", "never closed", NONE),
    one("a quote that closes early", csv() + '"good" film,pos\n', "row 42", 'write ""', NONE),
    one("quotes of Spark", SPARK, "row 42", "Spark"),
    one("quotes around and inside", csv() + '"good",pos\n5" disk,neg\n', "row 42", "row 43", NONE, STANDARD),
    one("inches", csv() + 'a 5" disk,neg\n', rows=41),
    one("line ends and commas in quotes", csv() + '"Dear all,\r\n\r\npos, indeed, neg\nB.",pos\n', rows=41),
    one("quotes in quotes", csv() + '"He said ""no"", twice",pos\n', rows=41),
    # Delimiters, lines and columns.
    one("CRLF", csv(end="\r\n"), rows=40),
    one("CR", csv(end="\r"), rows=40),
    one("blank lines", csv(end="\n\n"), rows=40),
    one("no end of the last line", csv().rstrip(), rows=40),
    one("semicolons", csv(delimiter=";") + "good, but long;pos\n", rows=41),
    one("semicolons and all in quotes", quoted(";"), rows=40),
    one("tabs and all in quotes", quoted("\t"), rows=40),
    one("all in quotes and no such column", quoted(";", "labels"), "did you mean 'labels'"),
    one("sep= of Excel", "sep=;\n" + csv(delimiter=";"), rows=40),
    one("bars", csv(delimiter="|"), rows=40),
    one("tabs in a CSV", csv(delimiter="\t"), rows=40),
    one("semicolons and a row too long", csv(delimiter=";") + "a;b;pos\n", "row 42"),
    one("a row too short", csv() + "good\n", "row 42", "expected 2 values, found 1"),
    one("empty columns", "text,label,,,\n" + lines(end=",,,\n"), rows=40),
    one("an index column", ",text,label\n" + "".join(f"{n},film {n},pos\n" for n in range(9)), rows=9, labels=("pos",)),
    one("two columns of one name", "text,text,label\na,b,pos\n", "two columns called 'text'"),
    one("a title above the header", "Reviews of 2024\n" + csv(), "has no column 'text'", "above"),
    one("a slip in a column", csv().replace("label\n", "labl\n", 1), "did you mean 'labl'"),
    one("zero bytes", csv() + "a\0b,pos\n", rows=41),
    one("two files joined with cat", csv() + csv(20), "row 42", "header"),
    one("two files joined that have marks", ("\ufeff" + csv()) * 2, "row 42", "header"),
    one("two label columns", "text,label,label_text\n" + "".join(f"film {n},{n % 2},{'np'[n % 2]}\n" for n in range(9)), "'label' is renamed to 'label_1'", rows=9, labels=("n", "p"), data={"label_column": "label_text"}),
    # Folders.
    folder("shards", {"a.csv": csv(), "b.csv": csv(20)}, rows=60),
    folder("a link among shards", {"a.csv": csv(), "b.csv": Link("../b"), "../b": csv(20)}, rows=60),
    folder("only links", {"a.csv": Link("../b"), "../b": csv(20)}, rows=20),
    folder("a link to a link", {"a.csv": csv(), "b.csv": Link("a.csv"), "c.csv": Link("b.csv")}, rows=120),
    Case("a link to a folder", {"reviews": Link("real"), "real/a.csv": csv()}, rows=40),
    folder("a link to nothing", {"a.csv": csv(), "b.csv": Link("nowhere.csv")}, "b.csv", "leads nowhere"),
    folder("a link to itself", {"a.csv": csv(), "b.csv": Link("b.csv")}, "b.csv", "leads nowhere"),
    folder("a link to a folder in a folder", {"a.csv": csv(), "old": Link("../real"), "../real/b.csv": csv()}, "'old'"),
    folder("a folder in a folder", {"a.csv": csv(), "more/b.csv": csv()}, "holds folders ('more')"),
    folder("only folders", {"x/a.csv": csv(), "y/b.csv": csv()}, "holds folders ('x', 'y')"),
    folder("partitions", {"year=2023/a.csv": csv(), "year=2024/b.csv": csv()}, "'year=2023', 'year=2024'", "column"),
    folder("what tools leave behind", {"a.csv": csv(), "_SUCCESS": "", ".a.csv.crc": "x", ".old/b.csv": csv()}, rows=40),
    folder("a pipe among shards", {"a.csv": csv(), "b.csv": Pipe()}, "b.csv is neither file nor folder"),
    folder("two formats", {"a.csv": csv(), "b.jsonl": jsonl()}, "must hold one format"),
    folder("a file that is no data", {"a.csv": csv(), "readme.md": "# Data"}, "readme.md", "no known format"),
    folder("splits side by side", {"train.csv": csv(), "valid.csv": csv(), "test.csv": csv()}, "one split", "data.test_path="),
    folder("splits of the hub", {"train-00000-of-00001.csv": csv(), "test-00000-of-00001.csv": csv()}, "one split"),
    folder("shards of one split", {"train-0.csv": csv(), "train-1.csv": csv(20)}, rows=60),
    folder("a shard of no bytes", {"a.csv": csv(), "b.csv": ""}, "b.csv is empty"),
    folder("a shard of a header", {"a.csv": csv(), "b.csv": "text,label"}, rows=40),
    folder("a shard in another order", {"a.csv": csv(), "b.csv": "label,text\npos,a\n"}, rows=41),
    folder("a shard with semicolons", {"a.csv": csv(), "b.csv": csv(20, ";")}, rows=60),
    folder("a shard without labels", {"a.csv": csv(), "b.csv": "text\na\n"}, "b.csv has no column 'label'"),
    folder("a table with a log", {"_delta_log/0.json": "{}", "a.parquet": parquet(text=["a"], label=["x"])}, "Delta Lake"),
    folder("save_to_disk", {"dataset_dict.json": '{"splits": ["train"]}', "train/state.json": "{}"}, "name it hf:"),
    # JSON.
    json_lines("an array", json.dumps([{"text": "a", "label": "x"}]), "jq -c '.[]'"),
    json_lines("an object over lines", json.dumps({"text": "a", "label": "x"}, indent=1), "jq -c ."),
    json_lines("columns of pandas", '{"text": {"0": "a"}, "label": {"0": "x"}}', "orient='records'"),
    json_lines("lists of labels", jsonl({"text": "a", "label": ["x", "y"]}), "line 41", "several labels"),
    json_lines("rows in an object", '{"data": [{"text": "a", "label": "x"}]}', "has no column 'text'", "around"),
    json_lines("a line that is cut", jsonl() + '{"text": "a", "la', "line 41", "correct it"),
    json_lines("a label twice", jsonl() + '{"text": "a", "label": "x", "label": "y"}', "line 41", "'label' is there twice"),
    json_lines("numbers and truth", '{"text": "a", "label": 1}\n{"text": "b", "label": true}\n', rows=2, labels=("1", "true")),
    # Parquet.
    Case("numbers for texts", {"a.parquet": parquet(text=[1, 2], label=["x", "y"])}, says=("'text'", "int64", "convert it")),
    Case("categories", {"a.parquet": parquet(text=["a", "b"], label=pl.Series(["x", "y"], dtype=pl.Categorical))}, rows=2, labels=("x", "y")),
    # Labels.
    labels("blanks around labels", csv(labels="neg pos pos\t neg\u00a0 pos\u200b"), "had blanks around them", rows=40),
    labels("truth and numbers", csv(labels="True False 1"), "'1' (13 rows) and 'True' (14 rows)"),
    labels("numbers in two ways", csv(labels="1 2 01"), "'01' (13 rows) and '1' (14 rows)"),
    labels("whole numbers as pandas writes them", csv(labels="1.0 2 1"), rows=40, labels=("1", "2")),
    labels("composed letters", csv(labels="caf\u00e9 cafe\u0301 bar"), "only in spelling"),
    labels("nothing visible inside", csv(labels="pos p\u200bos neg"), "only in spelling"),
    labels("labels in two cases on purpose", csv(labels="us US it"), rows=40, labels=("it", "us", "US"), data={"labels": ["us", "US", "it"]}),
    labels("stars from 1", csv(labels="1 2 3 4"), "whole numbers from 1 to 4", data={"labels": STARS}),
    labels("stars from 1 to the last", csv(labels="1 2 3 4 5"), "whole numbers from 1 to 5", data={"labels": STARS}),
    labels("stars from 0", csv(labels="0 1 2 3 4"), rows=40, labels=tuple(STARS), data={"labels": STARS}),
    labels("labels that pandas lost", csv(labels="neg pos nan"), "the label 'nan' (13 rows)"),
    labels("no label", csv() + "a film, \n", "1 row has no text or no label"),
    labels("a run of marks", csv() + "a" + "\u0301\u0316" * 9000 + ",pos\n", rows=41),
)  # fmt: skip
