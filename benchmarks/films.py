"""Verdicts on films in Russian and in Japanese, with three classes, made of templates.

Negation turns good and bad around, so that words do not suffice.
"""

# ruff: noqa: RUF001  (Cyrillic letters are what this is about)

import csv
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROWS = 8000
CLASSES = ("good", "middling", "bad")
NEGATED = {"good": "bad", "bad": "good"}


class Language(NamedTuple):
    """Words, and the names of the classes in this language."""

    names: dict[str, str]
    openings: tuple[str, ...]
    aspects: tuple[str, ...]
    plain: tuple[str, ...]  # sentences with {opening}, {aspect}, {word}
    negated: tuple[str, ...]
    words: dict[str, tuple[str, ...]]


RUSSIAN = Language(
    names={"good": "хорошо", "middling": "средне", "bad": "плохо"},
    openings=(
        "Вчера смотрели с друзьями.", "Пересмотрел на выходных.", "Ждал этого год.",
        "Были в кино всей семьёй.", "Случайно включил вечером.", "Посоветовал коллега.",
        "Взяли билеты на премьеру.", "Досмотрел только сегодня.", "Первый раз вижу такое.",
        "Шёл без ожиданий.",
    ),
    aspects=(
        "сюжет", "монтаж", "финал", "сценарий", "юмор", "звук", "темп", "диалог", "образ героя",
        "актёрский состав", "перевод", "грим", "свет", "второй акт",
    ),
    plain=(
        "{opening} По-моему, {aspect} {word}.", "{opening} Здесь {aspect} действительно {word}.",
        "{opening} Скажу честно: {aspect} {word}.", "{opening} А {aspect} вышел {word}!",
    ),
    negated=(
        "{opening} По-моему, {aspect} совсем не {word}.",
        "{opening} Нельзя сказать, что {aspect} {word}.",
        "{opening} Неправда, что {aspect} {word}.", "{opening} А {aspect} вовсе не {word}!",
    ),
    words={
        "good": ("отличный", "прекрасный", "блестящий", "умный", "живой", "сильный", "тонкий"),
        "middling": ("обычный", "средний", "рядовой", "терпимый", "заурядный", "типичный"),
        "bad": ("скучный", "ужасный", "слабый", "глупый", "пустой", "вялый", "нелепый"),
    },
)  # fmt: skip

JAPANESE = Language(
    names={"good": "良い", "middling": "普通", "bad": "悪い"},
    openings=(
        "昨日友達と見ました。", "週末にもう一度見た。", "一年も待っていた。",
        "家族で映画館に行った。", "夜にたまたま見た。", "同僚に勧められた。",
        "初日に見てきました。", "今日やっと見終わった。", "こんな映画は初めてだ。",
        "期待せずに行った。",
    ),
    aspects=(
        "物語", "編集", "結末", "脚本", "音楽", "映像", "演技", "会話", "主人公", "配役", "字幕",
        "衣装", "照明", "後半",
    ),
    plain=(
        "{opening}{aspect}は{word}だと思う。", "{opening}本当に{aspect}が{word}だった。",
        "{opening}正直、{aspect}は{word}だ。", "{opening}それに{aspect}も{word}だ!",
    ),
    negated=(
        "{opening}{aspect}は{word}ではないと思う。", "{opening}{aspect}が{word}だとは言えない。",
        "{opening}{aspect}が{word}というのは嘘だ。", "{opening}それに{aspect}も{word}じゃない!",
    ),
    words={
        "good": ("見事", "最高", "素敵", "立派", "鮮やか", "巧み", "豊か"),
        "middling": ("普通", "平凡", "並", "無難", "人並み", "ありきたり"),
        "bad": ("退屈", "最悪", "下手", "粗末", "幼稚", "空虚", "雑"),
    },
)  # fmt: skip


def write(folder: Path) -> None:
    """Write both sets, each in another format and with other column names."""
    folder.mkdir(parents=True)
    with (folder / "ru.jsonl").open("w", encoding="utf-8") as file:
        for text, label in verdicts(RUSSIAN):
            file.write(json.dumps({"отзыв": text, "оценка": label}, ensure_ascii=False) + "\n")
    with (folder / "ja.tsv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t")
        writer.writerow(("感想", "評価"))
        writer.writerows(verdicts(JAPANESE))


def verdicts(language: Language) -> Iterator[tuple[str, str]]:
    """Give texts, none twice, with the names of their classes."""
    draw = random.Random(0)
    seen: set[str] = set()
    while len(seen) < ROWS:
        kind = draw.choice(CLASSES)
        negated = kind in NEGATED and draw.random() < 0.4
        text = draw.choice(language.negated if negated else language.plain).format(
            opening=draw.choice(language.openings),
            aspect=draw.choice(language.aspects),
            word=draw.choice(language.words[kind]),
        )
        if text not in seen:
            seen.add(text)
            yield text, language.names[NEGATED[kind] if negated else kind]


if __name__ == "__main__":
    write(Path("films"))
