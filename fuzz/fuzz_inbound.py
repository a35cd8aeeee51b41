"""Bytes that nobody would send, against the readers of inbound mail: no exception, JSON each time, and two seconds of CPU at most.

`python fuzz/fuzz_inbound.py --seconds 600` with Atheris, guided by coverage; without it by blind mutation, which it says.
Further messages to start from: `--corpus FOLDER`. The first fault ends the run with its input in var/fuzz/ and exit code 1.
"""

import argparse
import importlib.util
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "fuzz")]  # an environment with nothing but Atheris is enough

from seeds import SEEDS  # noqa: E402 - only found by the line above

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
MOST_CPU_SECONDS = 2.0
LONGEST_INPUT = 16_384
FOUND = ROOT / "var" / "fuzz"
WORDS = ROOT / "fuzz" / "inbound.dict"
GUIDED = importlib.util.find_spec("atheris") is not None


def instrumented() -> AbstractContextManager[object]:
    """The context in which modules are imported so that their coverage is seen."""
    if not GUIDED:
        return nullcontext()
    import atheris

    found: AbstractContextManager[object] = atheris.instrument_imports(include=["outreach_pipelines.domain.inbound"])
    return found


with instrumented():
    from outreach_pipelines.domain.inbound.account import account_of
    from outreach_pipelines.domain.inbound.classify import classify
    from outreach_pipelines.domain.inbound.lone_text import as_message, date_of


def judge(raw: bytes) -> None:
    """Raises what a reader lets through, and where it is not told, not as JSON, or not in time."""
    started = time.process_time()
    message = as_message(raw)
    account = account_of(classify(message, date_of(message) or NOW))
    json.dumps(account, ensure_ascii=False, allow_nan=False).encode()
    if (spent := time.process_time() - started) > MOST_CPU_SECONDS:
        raise TimeoutError(f"{spent:.1f} s of CPU for {len(raw)} bytes")  # noqa: EM102 - read by a person, once


def main() -> int:
    """Fuzz for the time given."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seconds", type=int, default=600, help="how long; one process, one core")
    arguments.add_argument(
        "--corpus", type=Path, action="append", default=[], help="a folder of messages to start from"
    )
    arguments.add_argument("--seed", type=int, default=1)
    asked = arguments.parse_args()
    FOUND.mkdir(parents=True, exist_ok=True)
    seeds = [
        *SEEDS,
        *(path.read_bytes()[:LONGEST_INPUT] for folder in asked.corpus for path in sorted(folder.iterdir())),
    ]
    run = guided if GUIDED else blind
    return run(judge, seeds, seconds=asked.seconds, seed=asked.seed)


def guided(test: Callable[[bytes], None], seeds: Sequence[bytes], *, seconds: int, seed: int) -> int:
    """By Atheris (libFuzzer), which ends the process itself."""
    import atheris

    folder = Path(tempfile.mkdtemp(prefix="fuzz-inbound-"))
    for number, each in enumerate(seeds):
        (folder / f"{number:04}").write_bytes(each)
    limits = [
        f"-max_total_time={seconds}",
        f"-max_len={LONGEST_INPUT}",
        f"-seed={seed}",
        "-timeout=20",
        "-rss_limit_mb=2048",
    ]
    atheris.Setup(
        [
            sys.argv[0],
            *limits,
            f"-dict={WORDS}",
            f"-artifact_prefix={FOUND}{os.sep}",
            "-print_final_stats=1",
            str(folder),
        ],
        test,
    )
    atheris.Fuzz()
    return 0


def blind(test: Callable[[bytes], None], seeds: Sequence[bytes], *, seconds: int, seed: int) -> int:
    """By cutting, joining and sprinkling the seeds, without a guide."""
    sys.stdout.write("Atheris is not installed: mutating blindly\n")
    dice = random.Random(seed)  # noqa: S311 - repeatable, not secret
    quoted = (line.strip()[1:-1] for line in WORDS.read_text("ascii").splitlines() if line.startswith('"'))
    words = [word.encode().decode("unicode_escape").encode("latin-1") for word in quoted]
    ends, done = time.monotonic() + seconds, 0
    while time.monotonic() < ends:
        raw = _mutated(seeds, words, dice)
        try:
            test(raw)
        except Exception:
            (FOUND / "crash-blind").write_bytes(raw)
            sys.stdout.write(f"after {done} inputs; the input is in {FOUND / 'crash-blind'}\n")
            raise
        done += 1
    sys.stdout.write(f"{done} inputs in {seconds} s, no fault\n")
    return 0


def _mutated(seeds: Sequence[bytes], words: Sequence[bytes], dice: random.Random) -> bytes:
    raw = bytearray(dice.choice(seeds))
    for _ in range(dice.randint(1, 12)):
        at = dice.randint(0, len(raw))
        match dice.randint(0, 4):
            case 0:
                raw[at:at] = dice.choice(words)
            case 1:
                raw[at:at] = dice.randbytes(dice.randint(1, 4))
            case 2:
                del raw[at : at + dice.randint(1, 40)]
            case 3:
                raw[at:at] = raw[at : at + dice.randint(1, 80)] * dice.randint(1, 40)
            case _:
                other = dice.choice(seeds)
                raw[at:] = other[dice.randint(0, len(other)) :]
    return bytes(raw[:LONGEST_INPUT])


if __name__ == "__main__":
    sys.exit(main())
