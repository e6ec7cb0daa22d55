"""The process that looks at one document: what is hostile in it ends here.

The document comes on standard input. A line on standard output says that the process stands and has its limits, before a byte
is read; the verdict follows as JSON.
"""

from __future__ import annotations

import datetime as dt
import logging
import resource
import sys
from pathlib import Path

import msgspec

from connectors.documents.limits import READY, TRUST_STATUS
from connectors.documents.pdf import judge
from connectors.documents.trust import TrustError, TrustStore


def main(folder: str, court: str, now: str, cpu_s: str, memory_bytes: str) -> int:
    resource.setrlimit(resource.RLIMIT_CPU, (int(cpu_s), int(cpu_s)))
    resource.setrlimit(resource.RLIMIT_AS, (int(memory_bytes), int(memory_bytes)))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.stdout.buffer.write(READY)
    sys.stdout.buffer.flush()
    logging.disable()  # pyHanko logs what it finds in certificates
    try:
        trust = TrustStore(Path(folder)).of(court)
    except TrustError as error:
        sys.stderr.write(str(error))
        return TRUST_STATUS
    verdict = judge(sys.stdin.buffer.read(), court, trust, dt.datetime.fromisoformat(now))
    sys.stdout.buffer.write(msgspec.json.encode(verdict))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
