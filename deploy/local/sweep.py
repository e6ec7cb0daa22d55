"""Stops whatever stacks were left running under a project, its tests' included: `python -m deploy.local.sweep`."""

import sys
from pathlib import Path

from deploy.local.addresses import Report
from deploy.local.process import birth_of, read_record
from deploy.local.stack import Stack, shared_libs

OWNER = "owner"


def sweep(folder: Path, root: Path, report: Report) -> int:
    """Stop and wipe every stack in or under `folder`; how many there were. `root` is the project."""
    found = sorted(path.parent for path in folder.rglob("stack.json"))
    for stack in found:
        Stack(stack, shared_libs(root), ("docker", "processes")).down(report, wipe=True)
    return len(found)


def is_abandoned(folder: Path) -> bool:
    """Whether the process that made `folder`, and wrote itself into its `owner` file, has ended."""
    record = read_record(folder / OWNER)
    return record is not None and birth_of(record[0]) != record[1]


def main() -> None:
    root = Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    sweep(root / ".local", root, _to_stderr)


def _to_stderr(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    main()
