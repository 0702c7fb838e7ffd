"""The bucket of an environment on S3.

Reads: conf/project.yaml
Writes: that bucket, empty
"""

import time
from collections.abc import Mapping
from pathlib import Path

import boto3
import yaml
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from local_platform.part import SECONDS
from mlops.core.errors import PlatformError

PROJECT = Path(__file__).parents[1] / "conf" / "project.yaml"


def named(environment: str) -> str:
    """Return the name of an environment's bucket."""
    project = yaml.safe_load(PROJECT.read_text(encoding="utf-8"))["project"]
    return f"{project['bucket']}-{environment}"


def make(variables: Mapping[str, str], name: str) -> None:
    """Make a bucket where there is none; a server that has just started may refuse at first."""
    client = boto3.client(
        "s3",
        endpoint_url=variables["AWS_ENDPOINT_URL"],
        aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
        region_name=variables["AWS_DEFAULT_REGION"],
        config=Config(retries={"max_attempts": 0}),
    )
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            client.create_bucket(Bucket=name)
            return
        except client.exceptions.BucketAlreadyOwnedByYou:
            return
        except (BotoCoreError, ClientError) as error:
            if time.monotonic() > deadline:
                raise PlatformError(
                    f"S3 should make the bucket {name}, but: {error}; its log tells more"
                ) from None
            time.sleep(0.1)
