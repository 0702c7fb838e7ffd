# What ships the request log (request_log.shipper): pyarrow, boto3 and a few files of this project.
FROM python:3.11-slim
COPY requirements/uv.lock requirements/shipper.lock /
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --require-hashes -r /uv.lock \
    && /venv/bin/uv pip sync --no-cache --compile-bytecode --python /venv --require-hashes /shipper.lock
COPY src/mlops/__init__.py /app/mlops/
COPY src/mlops/core/__init__.py src/mlops/core/errors.py src/mlops/core/terminal.py src/mlops/core/urls.py /app/mlops/core/
COPY src/mlops/operate/__init__.py /app/mlops/operate/
COPY src/mlops/operate/requests /app/mlops/operate/requests
ENV PYTHONPATH=/app PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 1034:1034
ENTRYPOINT ["/venv/bin/python", "-m", "mlops.operate.requests.ship_log"]
