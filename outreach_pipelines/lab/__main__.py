"""`python -m outreach_pipelines.lab CONFIG.json`: one lab until SIGTERM or SIGINT."""

import asyncio
import logging
import signal
import sys
from pathlib import Path

from outreach_pipelines.lab.config import ConfigError, LabConfig, read_config
from outreach_pipelines.lab.world import Lab


async def _live(config: LabConfig) -> None:
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    lab = Lab(config)
    try:
        await lab.start()
        await ended.wait()
    finally:
        await lab.stop()


def main(arguments: list[str]) -> int:
    """Run a lab; 0 after a signal, 2 for a configuration that cannot be used."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    # aiosmtpd warns at each connection about logins without TLS; this lab listens on loopback.
    logging.getLogger("mail.log").setLevel(logging.ERROR)
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m outreach_pipelines.lab CONFIG.json\n")
        return 2
    try:
        config = read_config(Path(arguments[0]))
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    asyncio.run(_live(config))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
