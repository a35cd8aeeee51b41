"""talon's side: what it leaves of each reply, and its CPU time for all. Runs in the peers' environment.

Source: talon's README, "Usage": `quotations.extract_from` and then the signature's `bruteforce.extract_signature`, which
needs no trained model.
"""

import json
import sys
import time
from pathlib import Path

import talon
from talon import quotations
from talon.signature.bruteforce import extract_signature

ROUNDS = 5


def cut(text: str) -> str:
    return extract_signature(quotations.extract_from_plain(text))[0].strip()


def main() -> None:
    talon.init()
    texts = [path.read_text("utf-8") for path in sorted(Path(sys.argv[1]).iterdir())]
    left = [cut(text) for text in texts]
    seconds = []
    for _ in range(ROUNDS):
        started = time.process_time()
        for text in texts:
            cut(text)
        seconds.append(time.process_time() - started)
    json.dump({"left": left, "seconds": min(seconds)}, sys.stdout)


main()
