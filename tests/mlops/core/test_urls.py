"""Rules of mlops.core.urls."""

import pytest

from mlops.core.urls import plain, secret, secret_variable

HELD = {
    "https://bob:hunter2@x.test/r.csv": "https://x.test/r.csv",  # pragma: allowlist secret
    "https://hunter2@x.test/r.csv": "https://x.test/r.csv",
    "https://bob:p@hunter2@x.test/r": "https://x.test/r",
    "https://bob:hunter2/a?b#c@x.test/r": "https://x.test/r",
    "s3://AKIA:hunter2/x+y@bucket/key": "s3://bucket/key",
    "abfs://bob:hunter2@account/x": "abfs://account/x",  # pragma: allowlist secret
    "postgresql://me:hunter2@db:5432/x": "postgresql://db:5432/x",  # pragma: allowlist secret
    "zip://a::https://bob:hunter2@x/r.zip": "zip://a::https://x/r.zip",  # pragma: allowlist secret
    "hf:https://bob:hunter2@x.test/org/n": "hf:https://x.test/org/n",  # pragma: allowlist secret
    "http://x.test/r?a=1&X-Amz-Signature=hunter2&b=2": (
        "http://x.test/r?a=1&X-Amz-Signature=***&b=2"
    ),
    "http://x.test/r?AWSAccessKeyId=hunter2": "http://x.test/r?AWSAccessKeyId=***",
    "http://x.test/r?sv=2024&sig=hunter2": "http://x.test/r?sv=2024&sig=***",
    "http://x.test/r?a=1&amp;access_token=hunter2": "http://x.test/r?a=1&amp;access_token=***",
    "http://x.test/r#id_token=hunter2": "http://x.test/r#id_token=***",
    "http://x.test/r?%73ig=hunter2": "http://x.test/r?%73ig=***",
    "AccountName=x;AccountKey=hunter2==": "AccountName=x;AccountKey=***",
    "x ghp_hunter2hunter2hunter2 y": "x *** y",
    "403 (url='https://x.test/r?Signature=hunter2')": "403 (url='https://x.test/r?Signature=***')",
}
FREE = (
    "https://x.test:8080/a@b.csv",
    "http://[::1]:8080/a@b",
    "https://x.test/@user/post",
    "s3://bucket/a@b/r.csv?versionId=3",
    "abfs://container@account.dfs.core.windows.net/r.csv",
    "github://org:repo@abc123/r.csv",  # pragma: allowlist secret
    "git@github.com:team/project.git",
    "hf:org/name:config@revision#train",
    "docker://host:5000/x:tag@sha256:abc",
    "write to me@x.test, see https://x.test/a?page=2&tokens=5&design=1&keys=3",
    "synthetic",
)


@pytest.mark.parametrize("text", HELD)
def test_a_credential_is_found_and_left_out(text: str) -> None:
    """Whatever else the address holds stays, and what is left holds none."""
    assert secret(text)
    assert "hunter2" not in secret(text)
    assert plain(text) == HELD[text]
    assert secret(plain(text)) == ""


@pytest.mark.parametrize("text", FREE)
def test_what_is_no_credential_stays(text: str) -> None:
    """An @ or a colon alone is none."""
    assert secret(text) == ""
    assert plain(text) == text


def test_blanks_do_not_hide_a_password() -> None:
    """An address that is the whole value may have them."""
    assert secret("https://bob:my hunter2@x.test/r")


@pytest.mark.parametrize(
    ("name", "held"),
    [
        ("DATA_PASSWORD", True), ("DBPASSWD", True), ("HF_TOKEN", True), ("TOKEN2", True),
        ("SOME_API_KEY", True), ("AWS_SECRET_ACCESS_KEY", True), ("DB_PWD", True),
        ("PWD", False), ("MAX_TOKENS", False), ("TOKENIZER", False), ("DATA_PATH", False),
    ],
)  # fmt: skip
def test_a_variable_is_a_secret_by_its_name(name: str, held: bool) -> None:
    """Numbers of tokens and the folder of the shell are none."""
    assert secret_variable(name) == held
