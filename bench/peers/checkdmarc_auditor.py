"""checkdmarc's side: NS, MX, SPF and DMARC of domains, one after the other. Runs in the environment of the peers.

Orders on stdin: {"port": of the name server, "domains": [...]}. Prints {"domains": n, "cpu_seconds": s}.

Source: checkdmarc's documentation, "API" (check_ns, get_mx_records, check_spf, check_dmarc).
"""

import json
import sys
import time

import checkdmarc
import dns.resolver
from checkdmarc.dmarc import check_dmarc
from checkdmarc.spf import check_spf
from checkdmarc.utils import get_a_records, get_mx_records


def main() -> None:
    orders = json.loads(sys.stdin.readline())
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers = ["127.0.0.1"]
    resolver.port = orders["port"]
    before = time.process_time()
    found = 0
    for domain in orders["domains"]:
        asked = {"resolver": resolver, "timeout": 5.0}
        checkdmarc.check_ns(domain, **asked)
        # Not check_mx: it goes on to DNSSEC of the hosts, which is another check.
        for host in get_mx_records(domain, **asked):
            get_a_records(host["hostname"], **asked)
        found += bool(check_spf(domain, **asked).get("valid"))
        found += bool(check_dmarc(domain, **asked).get("valid"))
    cpu = time.process_time() - before
    print(json.dumps({"domains": len(orders["domains"]), "cpu_seconds": cpu, "valid": found}))


if __name__ == "__main__":
    main()
