"""A deployment on this machine: secrets, endpoints, and the processes that `chakong up` and `chakong demo` run."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from deploy.local.addresses import Addresses
from deploy.local.errors import StartError
from deploy.local.ports import LOOPBACK, free_port, is_free
from deploy.local.probe import http_silence
from deploy.local.process import Process

WORKER_STOP_S = 40.0
DOOR_PORT = 8470
ISSUER_PORT = 8471
DOOR_START_S = 40.0
DOOR_STOP_S = 15.0
INTAKE_STOP_S = 40.0
DOOR_COURT = "440106"
REGISTRY_PEOPLE = 1000
_TOKENS = f"""\
# The courts' tokens at the door. Whoever shows one is that court: keep the files to yourself.

[[token]]
court = "{DOOR_COURT}"
token_file = "{DOOR_COURT}.token"
inbox = true
"""
_ENDPOINTS = """\
# Where each court's notifications go. For every court:
#
# [[endpoint]]
# court = "440106"                  # "*": every court that has no entry of its own
# url = "https://court.example/hits"
# secret_file = "440106.secret"     # or secret_env = "NAME", or secret = "whsec_..."
#
# For a court that fetches its notifications at the door:
#
# [[endpoint]]
# court = "440106"
# channel = "inbox"
# token_file = "440106.token"
"""


@dataclass(frozen=True)
class Deployment:
    """One deployment's files, all in one ignored folder, and its environment."""

    folder: Path
    addresses: Addresses
    topic_prefix: str = ""

    @property
    def secret_file(self) -> Path:
        return self.folder / "key-secret"

    @property
    def endpoints_file(self) -> Path:
        return self.folder / "endpoints.toml"

    @property
    def tokens_file(self) -> Path:
        return self.folder / "tokens.toml"

    @property
    def token_file(self) -> Path:
        """The token of the one court that has any at first."""
        return self.folder / f"{DOOR_COURT}.token"

    @property
    def audit_key_file(self) -> Path:
        return self.folder / "audit-key.pem"

    @property
    def audit_public_key_file(self) -> Path:
        return self.folder / "audit-key.pub.pem"

    @property
    def documents_key_file(self) -> Path:
        return self.folder / "documents-key"

    @property
    def trust_folder(self) -> Path:
        """Whose seals are trusted; empty until somebody puts roots there."""
        return self.folder / "trust"

    def prepare(self) -> None:
        """Make what is missing: secret and keys, random and for this user alone, an endpoints file, a folder for roots."""
        self.folder.mkdir(parents=True, exist_ok=True)
        _write_secret(self.secret_file)
        _write_secret(self.documents_key_file)
        self.trust_folder.mkdir(exist_ok=True)
        if not self.audit_key_file.exists():
            write_audit_key(self.audit_key_file, self.audit_public_key_file)
        if not self.endpoints_file.exists():
            self.endpoints_file.write_text(_ENDPOINTS, "utf-8")

    def environment(self, **more: str) -> dict[str, str]:
        """What a worker of this deployment finds in its environment."""
        return {
            "CHAKONG_REACH_TEST_HOURS": "0",  # nobody answers tests at a stack that lives for minutes
            **os.environ,
            "CHAKONG_KAFKA": self.addresses.kafka,
            "CHAKONG_REDIS": self.addresses.redis,
            "CHAKONG_KAFKA_TOPIC_PREFIX": self.topic_prefix,
            "CHAKONG_REDIS_NAMESPACE": f"{self.topic_prefix}chakong",
            "CHAKONG_KEY_SECRET_FILE": str(self.secret_file),
            "CHAKONG_COURTS_ENDPOINTS": str(self.endpoints_file),
            "CHAKONG_AUDIT_KEY_FILE": str(self.audit_key_file),
            **self._documents(),
            "CHAKONG_INCIDENT_AUDIT_KEYS": json.dumps([str(self.audit_public_key_file)]),
            **more,
        }

    def _documents(self) -> dict[str, str]:
        """Where documents are kept and whose seals are trusted, unless the environment says so."""
        if any(os.environ.get(f"CHAKONG_DOCUMENTS_{name}") for name in ("FOLDER", "S3_BUCKET")):
            return {}
        own = {"FOLDER": self.folder / "documents", "KEY_FILE": self.documents_key_file, "TRUST": self.trust_folder}
        return {f"CHAKONG_DOCUMENTS_{name}": str(path) for name, path in own.items()}

    def worker(self, number: int = 1) -> Process:
        """The handle of one worker process; `start_worker` starts it."""
        return Process(f"worker {number}", self.folder / f"worker-{number}", WORKER_STOP_S)

    def start_worker(self, number: int = 1, **more: str) -> Process:
        """Start a worker in a process of its own, which outlives this one. It is found again by its number."""
        worker = self.worker(number)
        if worker.pid() is None:
            own = {"CHAKONG_SNAPSHOTS": str(worker.folder / "snapshots"), **more}
            worker.spawn([sys.executable, "-m", "stream.cli", "worker"], self.environment(**own))
        return worker

    def intake(self) -> Process:
        """The handle of the intake; `start_intake` starts it."""
        return Process("intake", self.folder / "intake", INTAKE_STOP_S)

    def start_intake(self) -> None:
        """Start the intake, unless it runs; it says in its log when it does not."""
        intake = self.intake()
        if intake.pid() is None:
            intake.spawn([sys.executable, "-m", "stream.cli", "intake"], self.environment())

    def registry(self) -> Process:
        """The handle of the registry, the police's side of the fast query; `start_registry` starts it."""
        return Process("registry", self.folder / "registry", DOOR_STOP_S)

    def start_registry(self) -> None:
        """Start the registry over made-up people in an SQLite file, unless it runs. The file is made when there is none.

        Raises:
            StartError: the file could not be filled.
        """
        registry = self.registry()
        if registry.pid() is not None:
            return
        registry.folder.mkdir(parents=True, exist_ok=True)
        database, new = registry.folder / "people.sqlite", registry.folder / "people.sqlite.new"
        command = [sys.executable, "-m", "stream.cli", "registry"]
        if not database.exists():
            new.unlink(missing_ok=True)
            filled = subprocess.run(
                [*command, "--populate", str(REGISTRY_PEOPLE)],
                env=self.environment(CHAKONG_REGISTRY_URL=f"sqlite:///{new}"),
                capture_output=True,
                text=True,
                check=False,
            )
            if filled.returncode:
                raise StartError(f"The registry's people could not be made: {filled.stderr.strip()}")
            new.replace(database)
        registry.spawn(command, self.environment(CHAKONG_REGISTRY_URL=f"sqlite:///{database}"))

    def door(self) -> Process:
        """The handle of the courts' door; `start_door` starts it."""
        return Process("door", self.folder / "door", DOOR_STOP_S)

    def issuer(self) -> Process:
        """The handle of the issuer of sample users; `start_issuer` starts it."""
        return Process("issuer", self.folder / "issuer", DOOR_STOP_S)

    def issuer_url(self) -> str | None:
        """Where the issuer answers; None while it does not run."""
        port = _number_in(self.issuer().folder / "port")
        return None if port is None or self.issuer().pid() is None else f"http://{LOOPBACK}:{port}"

    def start_issuer(self) -> str | None:
        """Start the issuer of sample users on loopback, unless it runs; returns its address once it answers.

        None in production mode, which has no sample users. It takes the port that it had, since doors know it by that.

        Raises:
            StartError: it ended or did not answer in time; the text holds the end of its log.
        """
        if os.environ.get("CHAKONG_MODE", "").strip().lower() == "production":
            return None
        issuer = self.issuer()
        port_file = issuer.folder / "port"
        port = _number_in(port_file) or ISSUER_PORT
        if issuer.pid() is None:
            port = port if is_free(port) else free_port()
            issuer.folder.mkdir(parents=True, exist_ok=True)
            port_file.write_text(str(port), "ascii")
            issuer.spawn([sys.executable, "-m", "stream.cli", "issuer", "--port", str(port)], self.environment())
        issuer.wait_until(lambda: http_silence(port, "/jwks"), DOOR_START_S)
        return f"http://{LOOPBACK}:{port}"

    def start_door(self, issuer: str | None = None) -> str:
        """Start the courts' door on loopback, unless it runs; returns its address once it answers.

        It takes the tokens of the issuer that is named, besides its own.
        A court's token is made when there are none. What the environment says of another door is not taken over.

        Raises:
            StartError: it ended or did not answer in time; the text holds the end of its log.
        """
        door = self.door()
        port_file = door.folder / "port"
        if door.pid() is None:
            if not self.tokens_file.exists():
                _write_secret(self.token_file)
                self.tokens_file.write_text(_TOKENS, "utf-8")
            port = DOOR_PORT if is_free(DOOR_PORT) else free_port()
            around = {name: value for name, value in self.environment().items() if not name.startswith("CHAKONG_API_")}
            own = {"CHAKONG_API_HOST": LOOPBACK, "CHAKONG_API_PORT": str(port), "CHAKONG_API_TOKENS": str(self.tokens_file)}
            if issuer is not None:
                own["CHAKONG_API_OIDC_ISSUER"] = issuer
            door.folder.mkdir(parents=True, exist_ok=True)
            port_file.write_text(str(port), "ascii")
            door.spawn([sys.executable, "-m", "stream.cli", "api"], {**around, **own})
        port = int(port_file.read_text("ascii"))
        door.wait_until(lambda: http_silence(port, "/v1/inbox"), DOOR_START_S)
        return f"http://{LOOPBACK}:{port}"


def _number_in(path: Path) -> int | None:
    """The number that a file holds; None where there is none."""
    try:
        return int(path.read_text("ascii"))
    except (OSError, ValueError):
        return None


def _write_secret(path: Path) -> None:
    """A random secret that this user alone can read, where there is no file yet."""
    if not path.exists():
        _write_private(path, secrets.token_hex(32).encode())


def write_audit_key(path: Path, public: Path) -> None:
    """A key for the audit log that this user alone can read, and beside it the one that anybody may verify with, both PEM."""
    key = Ed25519PrivateKey.generate()
    public.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    _write_private(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def _write_private(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
