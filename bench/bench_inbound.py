"""How often a bounce's reason and a reply's cut are right, and what they cost, beside flufl.bounce and talon.

Prints one JSON object a figure, over the corpora beside the checkout (`../shared/corpora`); without them it says so. Speed is
messages a CPU second in a process of its own, the best of five rounds, ours and the peer's in turn three times, the medians
of these. `cold` forgets between rounds which rule a text came to, `warm` does not. Peers run in `.venv-bench` (`make
bench-inbound`); without it they are left out. Reasons are scored by docs/bounce-labels.md; flufl.bounce gives none, so that
it is compared in what both say: whom a report condemns. What each label was taken for follows, an object a label; alone, and
over any folder of this form (messages/ and labels.tsv): `bench_inbound.py --confusion FOLDER`.
"""

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

HERE = Path(__file__).parent
ROOT = HERE.parent
sys.path.insert(0, str(ROOT / "tests"))

from bounce_labels import NOW, Label, is_falsely_hard, is_right, judged  # noqa: E402  # the tests hold the table of labels

from outreach_pipelines.domain.inbound.bounce_rules import forget_texts  # noqa: E402  # see above
from outreach_pipelines.domain.inbound.classify import classify  # noqa: E402  # see above
from outreach_pipelines.domain.inbound.message import InboundMessage  # noqa: E402  # see above
from outreach_pipelines.domain.inbound.reply_text import reply_text  # noqa: E402  # see above
from outreach_pipelines.domain.inbound.verdict import BounceClass, RecipientVerdict  # noqa: E402  # see above

CORPORA = ROOT.parent / "shared" / "corpora"
PEERS = ROOT / ".venv-bench" / "bin" / "python"
ROUNDS = 5
TURNS = 3

Figure = dict[str, str | int | float | dict[str, int]]


def main() -> None:
    if sys.argv[1:2] == ["--ours"]:
        return print(json.dumps(our_speed(Path(sys.argv[2]))))  # a bench prints its figures
    if sys.argv[1:2] == ["--confusion"]:
        figures = confusion(list(judged(Path(sys.argv[2]) if sys.argv[2:] else CORPORA / "bounces")))
        return print("\n".join(map(json.dumps, figures)))  # see above
    if not CORPORA.is_dir():
        sys.exit(f"no corpora at {CORPORA}")
    for figure in (*bounces(CORPORA / "bounces"), *replies(CORPORA / "replies")):
        print(json.dumps(figure))  # a bench prints its figures
    return None


def our_speed(folder: Path) -> dict[str, float]:
    raw = [path.read_bytes() for path in sorted(folder.iterdir())]
    cold = per_second(lambda: [classify(each, NOW) for each in raw], len(raw), before=forget_texts)
    return {"cold": cold, "warm": per_second(lambda: [classify(each, NOW) for each in raw], len(raw))}


def bounces(corpus: Path) -> list[Figure]:
    labelled = list(judged(corpus))
    files = [path.name for path in sorted((corpus / "messages").iterdir())]
    messages = corpus / "messages"
    turns = [
        (run(sys.executable, __file__, "--ours", messages), ask_peer("bounce_reader.py", messages))
        for _ in range(TURNS)
    ]
    cold, warm = (median(each[name] for each, _ in turns if each) for name in ("cold", "warm"))
    allowed = {label.file for label, _, _ in labelled if label.may_be_hard}
    condemned = {label.file for label, _, found in labelled if found and found.verdict.bounce_class is BounceClass.HARD}
    ours: Figure = {
        "what": "bounces",
        "who": "ours",
        "recipients": len(labelled),
        "reason_right": sum(is_right(*each) for each in labelled),
        "falsely_hard": sum(is_falsely_hard(label, found) for label, _, found in labelled),
        "files_falsely_condemned": len(condemned - allowed),
        "per_cpu_second_cold": round(cold),
        "per_cpu_second_warm": round(warm),
    }
    peer = turns[0][1]
    if peer is None:
        return [ours, *confusion(labelled)]
    permanent = {name for name, addresses in zip(files, peer["permanent"], strict=True) if addresses}
    speed = median(len(files) / each["seconds"] for _, each in turns if each)
    theirs: Figure = {
        "what": "bounces",
        "who": "flufl.bounce",
        "files_with_a_failure": sum(map(any, zip(peer["permanent"], peer["temporary"], strict=True))),
        "files_falsely_condemned": len(permanent - allowed),
        "per_cpu_second": round(speed),
        "ours_cold_to_theirs": round(cold / speed, 2),
        "ours_warm_to_theirs": round(warm / speed, 2),
    }
    return [ours, theirs, *confusion(labelled)]


def confusion(labelled: Sequence[tuple[Label, InboundMessage, RecipientVerdict | None]]) -> list[Figure]:
    """For each label: how many recipients, how many right, and what they were called."""
    found: dict[str, list[tuple[str, bool]]] = {}
    for label, message, verdict in labelled:
        found.setdefault(label.feedback, []).append((called(message, verdict), is_right(label, message, verdict)))
    return [
        {
            "what": "confusion",
            "label": label,
            "recipients": len(answers),
            "right": sum(right for _, right in answers),
            "called": dict(Counter(name for name, _ in answers).most_common()),
        }
        for label, answers in sorted(found.items())
    ]


def called(message: InboundMessage, found: RecipientVerdict | None) -> str:
    """Our class and cause, or what the message is where it names no recipient."""
    if found is None:
        return message.kind.value
    cause = found.verdict.cause
    return f"{found.verdict.bounce_class.value} {cause.value}" if cause else found.verdict.bounce_class.value


def replies(corpus: Path) -> list[Figure]:
    names = [path.name for path in sorted((corpus / "emails").iterdir())]
    wanted = [(corpus / "trimmed" / name).read_text("utf-8").strip() for name in names]
    texts = [(corpus / "emails" / name).read_text("utf-8") for name in names]
    figures = [cut_figure("ours", list(map(reply_text, texts)), wanted)]
    figures[0]["per_cpu_second"] = round(per_second(lambda: list(map(reply_text, texts)), len(texts)))
    peer = ask_peer("reply_cutter.py", corpus / "emails")
    if peer is not None:
        figures.append(cut_figure("talon", peer["left"], wanted))
        figures[1]["per_cpu_second"] = round(len(texts) / peer["seconds"])
    return figures


def cut_figure(who: str, left: Sequence[str], wanted: Sequence[str]) -> Figure:
    pairs = list(zip(left, wanted, strict=True))
    f1 = sum(token_f1(a, b) for a, b in pairs) / len(pairs)
    exact = sum(a.strip() == b for a, b in pairs)
    return {"what": "replies", "who": who, "replies": len(pairs), "exact": exact, "token_f1": round(f1, 3)}


def token_f1(left: str, wanted: str) -> float:
    """The harmonic mean of precision and recall over the words, each counted as often as it stands there."""
    have, want = left.split(), wanted.split()
    if not have or not want:
        return float(have == want)
    common = sum(min(have.count(word), want.count(word)) for word in set(have))
    return 2 * common / (len(have) + len(want))


def per_second(work: Callable[[], object], items: int, *, before: Callable[[], None] = lambda: None) -> float:
    """Items a CPU second, in the best of some rounds."""
    best = float("inf")
    for _ in range(ROUNDS):
        before()
        started = time.process_time()
        work()
        best = min(best, time.process_time() - started)
    return items / best


def ask_peer(script: str, folder: Path):  # type: ignore[no-untyped-def]  # JSON of a program that strict typing does not see
    return run(PEERS, HERE / "peers" / script, folder) if PEERS.exists() else None


def run(*command: str | Path):  # type: ignore[no-untyped-def]  # see above
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.stderr.write(done.stderr[-500:])
        return None
    return json.loads(done.stdout)


if __name__ == "__main__":
    main()
