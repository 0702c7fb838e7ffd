"""AWS credentials of a job on GitHub, taken anew as often as they end.

Every AWS SDK calls it by `credential_process`, first and again before the credentials end, so that
a training may take longer than an hour. Needs nothing that is installed.

Reads: AWS_ROLE, AWS_REGION, AWS_ENDPOINT_URL_STS; ACTIONS_ID_TOKEN_REQUEST_URL and _TOKEN, which
    GitHub sets where a job may write id-token; GITHUB_RUN_ID
"""

import json
import os
import sys
import urllib.error
import urllib.parse
import urllib.request
from xml.etree import ElementTree as ET

from mlops.core.errors import HostError, run

AUDIENCE = "sts.amazonaws.com"
NAMES = ("AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration")


def request_token() -> str:
    """Return GitHub's token, which states repository, branch and environment of this job."""
    url = os.environ.get("ACTIONS_ID_TOKEN_REQUEST_URL")
    if not url:
        raise HostError(
            "GitHub provides no identity for this job; add `permissions: id-token: write`"
        )
    bearer = {"Authorization": f"bearer {os.environ.get('ACTIONS_ID_TOKEN_REQUEST_TOKEN', '')}"}
    request = urllib.request.Request(f"{url}&audience={AUDIENCE}", headers=bearer)
    found: str = json.loads(_answer(request, "GitHub"))["value"]
    return found


def assume(role: str, token: str) -> dict[str, str]:
    """Return credentials of a role, in the form that the SDKs read."""
    region = os.environ.get("AWS_REGION", "us-east-1")
    url = os.environ.get("AWS_ENDPOINT_URL_STS") or f"https://sts.{region}.amazonaws.com"
    asked = {
        "Action": "AssumeRoleWithWebIdentity",
        "Version": "2011-06-15",
        "RoleArn": role,
        "RoleSessionName": f"GitHub-{os.environ.get('GITHUB_RUN_ID', 'job')}",
        "WebIdentityToken": token,
    }
    request = urllib.request.Request(url, data=urllib.parse.urlencode(asked).encode())
    answer = ET.fromstring(_answer(request, f"AWS, for {role},"))
    return {name: str(answer.findtext(f".//{{*}}{name}")) for name in NAMES}


def _answer(request: urllib.request.Request, who: str) -> bytes:
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return bytes(answer.read())
    except urllib.error.HTTPError as error:
        reason = " ".join(error.read(500).decode("utf-8", "replace").split())
        raise HostError(
            f"{who} answers {error.code}: {reason}; check the role's trust policy"
        ) from None
    except OSError as error:
        raise HostError(f"{who} does not answer: {error}") from None


def main() -> None:
    """Print credentials as `credential_process` wants them."""
    found = assume(os.environ.get("AWS_ROLE", ""), request_token())
    sys.stdout.write(json.dumps({"Version": 1, **found}))


if __name__ == "__main__":
    run(main)
