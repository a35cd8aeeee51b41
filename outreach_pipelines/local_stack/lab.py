"""The lab as a child: a small mail internet on loopback.

Its inside is not known here, only the two files through which it is configured and tells where it listens.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from outreach_pipelines.local_stack.process import ChildPlan

JsonValue: TypeAlias = "str | int | float | bool | Sequence[JsonValue] | Mapping[str, JsonValue] | None"

ADDRESS_FILE = "lab.json"
CONFIG_FILE = "lab-config.json"


@dataclass(frozen=True, slots=True)
class LabPorts:
    """Ports on 127.0.0.1; 0 in a configuration takes any free one."""

    control: int = 0
    ses: int = 0
    smtp: int = 0
    imap: int = 0
    dns: int = 0
    mailgun: int = 0
    postmark: int = 0


def lab_plan(config: Mapping[str, JsonValue], *, data_dir: Path) -> ChildPlan:
    """Return the child that runs the lab with `config`, to which its data folder is added."""
    data_dir.mkdir(parents=True, exist_ok=True)
    config_file = data_dir / CONFIG_FILE
    config_file.touch(mode=0o600)  # it holds passwords of the lab's accounts
    config_file.write_text(json.dumps({**config, "data_dir": str(data_dir)}, indent=2), encoding="utf-8")
    command = (sys.executable, "-m", "outreach_pipelines.lab", str(config_file))
    return ChildPlan("lab", command, data_dir, {}, lambda pid: _listens(data_dir, pid))


def lab_ports(data_dir: Path) -> LabPorts:
    """Return where the running lab listens, as it wrote it when all of it did."""
    written = json.loads((data_dir / ADDRESS_FILE).read_text(encoding="utf-8"))
    return LabPorts(**{name: int(port) for name, port in written["ports"].items()})


def _listens(data_dir: Path, pid: int) -> bool:
    """The file of an earlier lab stays behind: the pid tells them apart. It is renamed into place, so always whole."""
    path = data_dir / ADDRESS_FILE
    return path.exists() and bool(json.loads(path.read_text(encoding="utf-8"))["pid"] == pid)
