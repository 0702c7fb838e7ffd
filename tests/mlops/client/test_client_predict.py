"""`make predict`: a text in, bars out, and a clear error where nobody answers."""

import json

import pytest

import answering
import served
from mlops.client import predict
from mlops.core.errors import ServingError


def test_the_answer_is_told_as_bars(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The likeliest class first, and that the text was cut."""
    monkeypatch.setenv("TEXT", "a fine film")
    with answering.serve(answering.GOOD) as server:
        monkeypatch.setenv("PORT", str(server.port))
        predict.main()

    assert server.requests[0].endswith('{"text": "a fine film"}')
    assert capsys.readouterr().out.splitlines() == [
        "toy v1",
        "positive   75.0%  " + "#" * 30,
        "negative   25.0%  " + "#" * 10,
        "only the first 16 tokens were read",
    ]


def test_what_makes_it_doubtful_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Unknown words, which the answer names, and synthetic data, which /info does."""
    both = {
        **answering.PREDICTION,
        **answering.PREDICTION["model"],
        "warning": "1 of 3 words is unknown to the model: fine",
        "notice": "Trained on synthetic data",
    }
    monkeypatch.setenv("TEXT", "a fine film")
    with answering.serve(answering.http(200, json.dumps(both))) as server:
        monkeypatch.setenv("PORT", str(server.port))
        predict.main()

    assert [asked.split()[1] for asked in server.requests] == ["/predict", "/info"]
    assert capsys.readouterr().out.splitlines()[-2:] == [
        "warning: 1 of 3 words is unknown to the model: fine",
        "warning: Trained on synthetic data",
    ]


def test_what_a_terminal_would_obey_is_not_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever answers may not clear the screen."""
    monkeypatch.setenv("TEXT", "a fine film")
    answer = answering.GOOD.replace(b'"toy"', b'"\\u001b[2J"')
    with answering.serve(answer.replace(b"Content-Length", b"X")) as server:
        monkeypatch.setenv("PORT", str(server.port))
        predict.main()

    assert capsys.readouterr().out.startswith(" [2J v1\n")


def test_a_service_that_does_not_run_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the command that starts one."""
    monkeypatch.setenv("TEXT", "a fine film")
    monkeypatch.setenv("PORT", str(served.free_port()))

    with pytest.raises(ServingError, match="make serve"):
        predict.main()


def test_a_missing_text_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """With an example."""
    monkeypatch.delenv("TEXT", raising=False)

    with pytest.raises(ServingError, match="TEXT is missing"):
        predict.main()
