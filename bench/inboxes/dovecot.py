"""Dovecot on loopback with a mailbox for each name, in memory, and mail put straight into its folders.

Belongs here: starting it, filling it, ending it. Does not: who reads it.
"""

import grp
import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PASSWORD = "secret"
_PATIENCE = 20.0
#: Login processes that serve many logins each, as Dovecot's documentation has it for busy servers ("LoginProcess",
#: high-performance mode): a process of its own for each login is a cost of the server's, not of its client's.
_CONFIGURATION = """\
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
protocols = imap
listen = 127.0.0.1
ssl = {ssl}
{keys}
disable_plaintext_auth = no
auth_mechanisms = plain login
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
default_process_limit = 400
default_client_limit = 4000
first_valid_uid = 1
mail_location = maildir:{folder}/mail/%u
namespace inbox {{
  inbox = yes
  separator = /
  mailbox Junk {{
    special_use = \\Junk
    auto = create
  }}
}}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={folder}/mail/%u
}}
service imap-login {{
  chroot =
  service_count = 0
  process_min_avail = 2
  inet_listener imap {{
    port = {plain}
  }}
  inet_listener imaps {{
    port = {tls}
    ssl = yes
  }}
}}
service imap {{
  service_count = 1000
}}
service anvil {{
  chroot =
}}
"""


@dataclass(frozen=True, slots=True)
class Dovecot:
    """A running server; `port` speaks TLS where a certificate was given."""

    pid: int
    port: int
    mail: Path

    def put(self, letters: Mapping[str, Sequence[bytes]], *, series: int) -> None:
        """New mail for each name, as a local delivery leaves it; `series` tells one filling from the next."""
        account = _account()
        for name, raws in letters.items():
            box = self.mail / name
            for folder in (box, *(box / part for part in ("new", "cur", "tmp"))):
                if not folder.is_dir():
                    folder.mkdir()
                    os.chown(folder, account.pw_uid, account.pw_gid)
            for number, raw in enumerate(raws):
                file = box / "new" / f"{int(time.time())}.{series}M{number}.bench"
                file.write_bytes(raw)
                os.chown(file, account.pw_uid, account.pw_gid)


@contextmanager
def running_dovecot(folder: Path, *, certificate: Path | None = None) -> Iterator[Dovecot]:
    """`certificate` is a PEM file with its key; without one the server speaks in clear."""
    program = shutil.which("dovecot", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        message = "needs the server dovecot (Debian package dovecot-imapd)"
        raise SystemExit(message)
    account = _account()
    (folder / "mail").mkdir(parents=True)
    os.chown(folder / "mail", account.pw_uid, account.pw_gid)
    port, configuration = _free_port(), folder / "dovecot.conf"
    keys = f"ssl_cert = <{certificate}\nssl_key = <{certificate}" if certificate else ""
    names = {
        "folder": folder, "user": account.pw_name, "group": grp.getgrgid(account.pw_gid).gr_name, "password": PASSWORD,
        "ssl": "yes" if certificate else "no", "keys": keys, "plain": 0 if certificate else port, "tls": port if certificate else 0,
    }  # fmt: skip
    configuration.write_text(_CONFIGURATION.format(**names))
    process = subprocess.Popen([program, "-F", "-c", str(configuration)])
    try:
        _wait(process, port, folder / "log")
        yield Dovecot(process.pid, port, folder / "mail")
    finally:
        process.terminate()
        process.wait()


def _account() -> pwd.struct_passwd:
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())


def _wait(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    until = time.monotonic() + _PATIENCE
    while process.poll() is None and time.monotonic() < until:
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    message = f"dovecot does not listen: {log.read_text()[-1000:] if log.exists() else 'no log'}"
    raise SystemExit(message)


def _free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return int(server.getsockname()[1])
