"""Debian's nsd on loopback, for as long as a bench lasts. Its limit on answers a second is off."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

_CONFIG = """server:
  ip-address: 127.0.0.1@{port}
  port: {port}
  username: ""
  chroot: ""
  zonesdir: "{folder}"
  database: ""
  pidfile: "{folder}/nsd.pid"
  xfrdfile: "{folder}/xfrd.state"
  zonelistfile: "{folder}/zone.list"
  xfrdir: "{folder}"
  logfile: "{folder}/nsd.log"
  server-count: 1
  rrl-ratelimit: 0
  rrl-whitelist-ratelimit: 0
  verbosity: 0
remote-control:
  control-enable: no
"""


def nsd_binary() -> str | None:
    """Where nsd is, if it is installed."""
    return shutil.which("nsd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


@contextmanager
def serving(folder: Path, zones: Sequence[str]) -> Iterator[int]:
    """Serve `folder/ZONE.zone` for each zone; the port on loopback."""
    binary = nsd_binary()
    if binary is None:
        message = "nsd is not installed: apt-get install nsd"
        raise SystemExit(message)
    port = _free_port()
    config = folder / "nsd.conf"
    entries = "".join(f'zone:\n  name: "{zone}"\n  zonefile: "{zone}.zone"\n' for zone in zones)
    config.write_text(_CONFIG.format(port=port, folder=folder) + entries, "utf-8")
    with subprocess.Popen(
        [binary, "-d", "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as server:
        try:
            _wait_until_answering(server, port, zones[0])
            yield port
        finally:
            server.terminate()
            server.wait(timeout=30)


def _wait_until_answering(server: subprocess.Popen[bytes], port: int, zone: str) -> None:
    question = (
        b"\0\1\0\0\0\1\0\0\0\0\0\0" + b"".join(bytes([len(p)]) + p.encode() for p in zone.split(".")) + b"\0\0\6\0\1"
    )
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(0.2)
        asking.connect(("127.0.0.1", port))
        for _ in range(600):
            if server.poll() is not None:
                message = "nsd ended before it answered: see nsd.log"
                raise SystemExit(message)
            try:
                asking.send(question)
                if asking.recv(512)[3] & 15 == 0:
                    return
            except OSError:
                time.sleep(0.05)
    message = "nsd does not answer"
    raise SystemExit(message)


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
