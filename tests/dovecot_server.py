"""Dovecot on loopback, where Debian's `dovecot-imapd` is installed: one process group that runs wholly as one user."""

import grp
import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from lab_process import end, free_port, listens, wait_until

_CONFIGURATION = """\
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain login {mechanisms}
{token_passdb}
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
first_valid_uid = 1
mail_location = maildir:{folder}/mail/%u
namespace inbox {{
  inbox = yes
  separator = /
}}
passdb {{
  driver = static
  args = password=secret
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={folder}/mail/%u
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service anvil {{
  chroot =
}}
"""


_TOKEN_PASSDB = """\
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {file}
}}
"""


@contextmanager
def running_dovecot(folder: Path, *, more: str = "", token_info: str | None = None) -> Iterator[int]:
    """A Dovecot whose every user has the password `secret`; its port. Skips where none is installed, and fails in CI.

    `more` is laid over its configuration. With `token_info` it takes access tokens too (XOAUTH2): that URL, with a token
    behind it, answers a JSON object whose `email` is the user.
    """
    program = shutil.which("dovecot", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        missing = pytest.fail if os.environ.get("CI") else pytest.skip
        missing("needs the server dovecot (Debian package dovecot-imapd)")
    account = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    (folder / "mail").mkdir()
    os.chown(folder / "mail", account.pw_uid, account.pw_gid)
    port, configuration = free_port(), folder / "dovecot.conf"
    tokens = folder / "tokens.conf"
    tokens.write_text(f"tokeninfo_url = {token_info}\nusername_attribute = email\n")
    by_token = {
        "mechanisms": "xoauth2" if token_info else "",
        "token_passdb": _TOKEN_PASSDB.format(file=tokens) if token_info else "",
    }
    names = by_token | {
        "folder": folder,
        "user": account.pw_name,
        "group": grp.getgrgid(account.pw_gid).gr_name,
        "port": port,
    }
    configuration.write_text(_CONFIGURATION.format(**names) + more)
    process = subprocess.Popen([program, "-F", "-c", str(configuration)])
    try:
        wait_until(lambda: listens(port), process)
        yield port
    finally:
        end(process)
