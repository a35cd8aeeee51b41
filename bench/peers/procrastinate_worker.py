"""Procrastinate's side: jobs that do nothing, by its asynchronous worker. Runs in the environment of the peers.

The same talk with the bench as `sending/ours.py`. With `defer` in its orders it only puts that many jobs into the queue.

Source: Procrastinate's documentation, "Launch a worker" (concurrency, wait) and "Defer jobs in batch".
"""

import asyncio
import json
import resource
import sys
import time

from procrastinate import App, PsycopgConnector


def make_app(orders: dict) -> tuple[App, list[int]]:
    app = App(connector=PsycopgConnector(conninfo=orders["url"], min_size=2, max_size=8))
    done = [0]

    @app.task(name="noop", queue="bench")
    async def noop(number: int) -> None:  # noqa: ARG001 - a job with an argument, as a message's would be
        done[0] += 1

    return app, done


async def defer(app: App, jobs: int) -> None:
    async with app.open_async():
        if not await app.check_connection_async():
            await app.schema_manager.apply_schema_async()
        for first in range(0, jobs, 1000):
            await app.tasks["noop"].batch_defer_async(*({"number": n} for n in range(first, min(first + 1000, jobs))))


async def work(app: App) -> float:
    async with app.open_async():
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        cpu = time.process_time()
        await app.run_worker_async(
            queues=["bench"], concurrency=32, wait=False, listen_notify=False, install_signal_handlers=False
        )
        return time.process_time() - cpu


def main() -> None:
    orders = json.loads(sys.stdin.readline())
    app, done = make_app(orders)
    if "defer" in orders:
        asyncio.run(defer(app, orders["defer"]))
        return
    used = asyncio.run(work(app))
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps({"sent": done[0], "cpu_seconds": used, "rss_mb": rss, "outcomes": {}}), flush=True)


if __name__ == "__main__":
    main()
