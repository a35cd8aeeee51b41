"""What the audit of a domain costs, against Debian's nsd on loopback, beside checkdmarc in the same run.

Prints one JSON object a figure. CPU is this process's own. checkdmarc runs in `.venv-bench` (`make bench-dns`); without it
it is left out.
"""

import argparse
import asyncio
import gc
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from dns_load.name_server import serving
from dns_load.zones import target_of, write_zones

from outreach_pipelines.adapters.dns import NameServerAddress, ResolverConfig, UdpResolver
from outreach_pipelines.application.audit_domains import AuditTarget, DomainAudit, audit_domains, stream_audits
from outreach_pipelines.domain.dns_audit.answers import Query, Unknown
from outreach_pipelines.domain.dns_audit.audit import audit
from outreach_pipelines.domain.dns_audit.expectations import Expectations

HERE = Path(__file__).parent
PEERS = Path(os.environ.get("BENCH_PEERS", HERE.parent / ".venv-bench" / "bin" / "python"))
REPETITIONS = 5


@dataclass(slots=True)
class Run:
    """What one pass over many domains took. `queries` as the domains needed them, `asked` as the server saw them."""

    domains: int = 0
    queries: int = 0
    unknown: int = 0
    findings: int = 0
    cpu: float = 0.0
    elapsed: float = 0.0
    resident: int = 0


def resolver_at(port: int, **more: int) -> UdpResolver:
    return UdpResolver(ResolverConfig(servers=(NameServerAddress("127.0.0.1", port),), **more))


async def pass_over(port: int, targets: Iterator[AuditTarget], **more: int) -> Run:
    """Audit every domain and keep nothing; the peak of resident memory is this process's until now."""
    run = Run()
    cpu, started = time.process_time(), time.perf_counter()
    async with resolver_at(port, **more) as resolver:
        async for one in stream_audits(resolver, targets):
            run.domains += 1
            run.queries += len(one.answers)
            run.unknown += sum(isinstance(answer, Unknown) for answer in one.answers.values())
            run.findings += len(one.findings.findings)
            if run.domains % 1000 == 0:
                run.resident = max(run.resident, resident())
    run.cpu, run.elapsed = time.process_time() - cpu, time.perf_counter() - started
    return run


def resident() -> int:
    """Kilobytes that this process holds now."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * resource.getpagesize() // 1024


async def resolver_cpu(port: int, audits: Sequence[DomainAudit]) -> tuple[int, float]:
    """CPU milliseconds a query, by the resolver alone: what these domains need, each question once."""
    queries: set[Query] = {query for one in audits for query in one.answers}
    async with resolver_at(port) as resolver:
        cpu = time.process_time()
        await resolver.resolve(queries)
        return len(queries), 1000 * (time.process_time() - cpu) / len(queries)


def analysis_cpu(targets: Sequence[AuditTarget], audits: Sequence[DomainAudit]) -> float:
    """CPU milliseconds a domain, by the checks alone, over stored answers."""
    cpu = time.process_time()
    for target, one in zip(targets, audits, strict=True):
        audit(target.domain, one.answers, target.expectations)
    return 1000 * (time.process_time() - cpu) / len(targets)


def checkdmarc_cpu(port: int, targets: Sequence[AuditTarget]) -> float:
    """Domains a CPU second, by checkdmarc."""
    orders = json.dumps({"port": port, "domains": [target.domain for target in targets]})
    told = subprocess.run(
        [PEERS, HERE / "peers" / "checkdmarc_auditor.py"],
        input=orders + "\n",
        text=True,
        check=True,
        stdout=subprocess.PIPE,
    ).stdout
    result = json.loads(told.splitlines()[-1])
    return result["domains"] / result["cpu_seconds"]


def has_checkdmarc() -> bool:
    return (
        PEERS.exists()
        and subprocess.run([PEERS, "-c", "import checkdmarc"], stderr=subprocess.DEVNULL, check=False).returncode == 0
    )


@contextmanager
def slow_path(port: int, milliseconds: int) -> Iterator[int]:
    command = ["env", f"PYTHONPATH={HERE}", sys.executable, "-m", "dns_load.slow_path", str(port), str(milliseconds)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as path:
        assert path.stdin is not None
        assert path.stdout is not None
        yield int(path.stdout.readline())
        path.stdin.close()


def tell(figure: str, **values: object) -> None:
    print(json.dumps({"figure": figure, **values}), flush=True)


def of_whole_run(port: int, domains: int) -> None:
    """A thousand first, then all: what grows with the number of domains would show in the second."""
    first = asyncio.run(pass_over(port, map(target_of, range(min(1000, domains)))))
    gc.collect()
    run = asyncio.run(pass_over(port, map(target_of, range(domains))))
    tell(
        f"audit of {domains} domains",
        cpu_ms_per_domain=round(1000 * run.cpu / run.domains, 3),
        domains_per_cpu_second=round(run.domains / run.cpu),
        queries_per_domain=round(run.queries / run.domains, 2),
        unknown=run.unknown,
        findings=run.findings,
        elapsed_seconds=round(run.elapsed, 1),
        resident_mb_after_1000=round(first.resident / 1024),
        resident_mb_at_most=round(run.resident / 1024),
    )


def of_parts(port: int) -> None:
    targets = [target_of(number) for number in range(1000)]

    async def audited() -> Sequence[DomainAudit]:
        async with resolver_at(port) as resolver:
            return await audit_domains(resolver, targets)

    audits = asyncio.run(audited())
    asked = [asyncio.run(resolver_cpu(port, audits)) for _ in range(REPETITIONS)]
    tell("a query, by the resolver alone", cpu_ms=round(median(cost for _, cost in asked), 4), queries=asked[0][0])
    judged = [analysis_cpu(targets, audits) for _ in range(REPETITIONS)]
    tell("the analysis of a domain, over stored answers", cpu_ms=round(median(judged), 3), domains=len(targets))


def beside_checkdmarc(port: int) -> None:
    """NS, MX, SPF and DMARC only, which both check; interleaved."""
    targets = [AuditTarget(target_of(number).domain, Expectations()) for number in range(100)]
    ours, theirs = [], []
    for _ in range(REPETITIONS):
        run = asyncio.run(pass_over(port, iter(targets)))
        ours.append(run.domains / run.cpu)
        theirs.append(checkdmarc_cpu(port, targets))
    tell(
        "NS, MX, SPF and DMARC, domains a CPU second",
        ours=round(median(ours)),
        checkdmarc=round(median(theirs)),
        times=round(median(one / other for one, other in zip(ours, theirs, strict=True)), 1),
    )


def over_a_slow_path(port: int, domains: int, milliseconds: int) -> None:
    with slow_path(port, milliseconds) as far:
        runs = [asyncio.run(pass_over(far, map(target_of, range(domains)))) for _ in range(3)]
    tell(
        f"{domains} domains with {milliseconds} ms each way",
        elapsed_seconds=round(median(run.elapsed for run in runs), 2),
        fastest=round(min(run.elapsed for run in runs), 2),
        unknown=sum(run.unknown for run in runs),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--domains", type=int, default=10_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-dns-") as folder:
        zones = write_zones(Path(folder), max(options.domains, 1000))
        with serving(Path(folder), zones) as port:
            of_whole_run(port, options.domains)
            of_parts(port)
            over_a_slow_path(port, 300, 50)
            if has_checkdmarc():
                beside_checkdmarc(port)


if __name__ == "__main__":
    main()
