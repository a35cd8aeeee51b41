"""flufl.bounce's side: the addresses it finds in each report, and its CPU time for all. Runs in the peers' environment.

Source: flufl.bounce's documentation, "Basic usage": `all_failures` of a parsed message gives temporary and permanent ones.
"""

import json
import sys
import time
from email import message_from_bytes
from pathlib import Path

from flufl.bounce import all_failures

ROUNDS = 5


def main() -> None:
    raw = [path.read_bytes() for path in sorted(Path(sys.argv[1]).iterdir())]
    found = [all_failures(message_from_bytes(each)) for each in raw]
    seconds = []
    for _ in range(ROUNDS):
        started = time.process_time()
        for each in raw:
            all_failures(message_from_bytes(each))
        seconds.append(time.process_time() - started)
    permanent = [sorted(address.decode("utf-8", "replace") for address in answer[1]) for answer in found]
    temporary = [sorted(address.decode("utf-8", "replace") for address in answer[0]) for answer in found]
    json.dump({"permanent": permanent, "temporary": temporary, "seconds": min(seconds)}, sys.stdout)


main()
