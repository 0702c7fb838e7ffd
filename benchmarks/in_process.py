"""How fast is the engine of the service by itself, with as many threads and no HTTP?

Run, with the packages of requirements/serving.lock and the src/ of a project in PYTHONPATH:
python benchmarks/in_process.py MODEL THREADS BATCH SECONDS < texts.json
"""

import json
import sys
import threading
import time
from itertools import cycle, islice
from pathlib import Path


def main() -> None:
    """Print texts per second, and ms of CPU for each."""
    from mlops.serving.engine import Engine  # noqa: PLC0415  that of the project that is measured

    folder, (threads, batch, seconds) = sys.argv[1], map(int, sys.argv[2:])
    texts = json.load(sys.stdin)
    engine = Engine(Path(folder), batch_items=batch)
    done: list[int] = []
    end = time.monotonic() + seconds

    def predict() -> None:
        mine = cycle(texts)
        count = 0
        while time.monotonic() < end:
            count += len(engine.predict(list(islice(mine, batch))))
        done.append(count)

    started, cpu = time.monotonic(), time.process_time()
    runners = [threading.Thread(target=predict) for _ in range(threads)]
    for runner in runners:
        runner.start()
    for runner in runners:
        runner.join()
    wall, spent = time.monotonic() - started, time.process_time() - cpu
    print(json.dumps({"per_second": sum(done) / wall, "cpu": 1000 * spent / sum(done)}))


if __name__ == "__main__":
    main()
