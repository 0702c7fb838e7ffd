"""OpenStack Swift as an S3 server on loopback: four processes, an account for each environment.

Writes: <folder>/swift/: configuration, rings, objects
"""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

from local_platform.part import Part

SERVERS = ("account", "container", "object")
PIPELINE = (
    "catch_errors gatekeeper healthcheck cache listing_formats bulk s3api tempauth copy slo dlo "
    "versioned_writes symlink proxy-server"
)
PLAIN = (
    "catch_errors", "gatekeeper", "healthcheck", "listing_formats", "bulk", "copy", "slo", "dlo",
    "symlink",
)  # fmt: skip
REGION = "us-east-1"
# One copy of everything, on the one disk. It is Swift's own Python that has Swift.
RINGS = """
import json, sys
from swift.common.ring import RingBuilder
for place, port in json.loads(sys.argv[1]).items():
    builder = RingBuilder(4, 1, 1)
    builder.add_dev({"region": 1, "zone": 1, "ip": "127.0.0.1", "port": port, "device": "d1",
                     "replication_ip": "127.0.0.1", "replication_port": port, "weight": 100})
    builder.rebalance(seed=0)
    builder.get_ring().save(place + ".ring.gz")
"""


def parts(
    folder: Path,
    programs: Path,
    ports: Mapping[str, int],
    secrets: Mapping[str, str],
    address: str = "127.0.0.1",
) -> list[Part]:
    """Write the configuration and return the four processes; objects that are there stay.

    `secrets` maps each environment to the secret of its account, `ports` each server to its port;
    at `address` S3 itself answers, the other three servers only this machine.
    """
    etc = folder / "etc"
    (folder / "disk" / "d1").mkdir(parents=True, exist_ok=True)
    etc.mkdir(exist_ok=True)
    (etc / "swift.conf").write_text(
        "[swift-hash]\nswift_hash_path_suffix = platform\nswift_hash_path_prefix = platform\n"
        "[storage-policy:0]\nname = one\ndefault = yes\n",
        encoding="utf-8",
    )
    for server in SERVERS:
        _write(
            etc / f"{server}-server.conf",
            _default(etc, ports[server])
            + f"devices = {folder / 'disk'}\nmount_check = false\n"
            + f"[pipeline:main]\npipeline = {server}-server\n"
            + f"[app:{server}-server]\nuse = egg:swift#{server}\n",
        )
    _write(etc / "proxy-server.conf", _proxy(_default(etc, ports["s3"], address), secrets))
    rings = {str(etc / server): ports[server] for server in SERVERS}
    command = [str(programs / "python"), "-c", RINGS, json.dumps(rings)]
    subprocess.run(command, check=True, capture_output=True)
    servers = {server: ports[server] for server in SERVERS} | {"proxy": ports["s3"]}
    return [
        Part(
            f"swift-{server}",
            [str(programs / f"swift-{server}-server"), str(etc / f"{server}-server.conf")],
            port,
        )
        for server, port in servers.items()
    ]


def _write(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")


def _default(etc: Path, port: int, address: str = "127.0.0.1") -> str:
    return (
        f"[DEFAULT]\nbind_ip = {address}\nbind_port = {port}\nworkers = 0\nswift_dir = {etc}\n"
        "log_level = WARNING\n"
    )


def _proxy(default: str, secrets: Mapping[str, str]) -> str:
    users = "".join(f"user_{name}_{name} = {secret} .admin\n" for name, secret in secrets.items())
    return (
        default
        + f"[pipeline:main]\npipeline = {PIPELINE}\n"
        + "[app:proxy-server]\nuse = egg:swift#proxy\naccount_autocreate = true\n"
        + "".join(f"[filter:{name}]\nuse = egg:swift#{name}\n" for name in PLAIN)
        + "[filter:cache]\nuse = egg:swift#memcache\n"
        + "[filter:versioned_writes]\nuse = egg:swift#versioned_writes\n"
        + "allow_versioned_writes = true\nallow_object_versioning = true\n"
        + f"[filter:s3api]\nuse = egg:swift#s3api\nlocation = {REGION}\n"
        + f"[filter:tempauth]\nuse = egg:swift#tempauth\n{users}"
    )
