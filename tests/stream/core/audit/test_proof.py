"""A proof holds for its record under its checkpoint, and for nothing else."""

from __future__ import annotations

import pytest

from stream.core.audit.chain import Chain
from stream.core.audit.proof import NoProofError, Proof, prove, refutation
from stream.core.audit.record import read_record
from stream.core.audit.signing import Keys
from tests.stream.core.audit.logs import INTERVALS, KEYS, SIGNER, STRANGER, grow

CHAIN = grow(Chain("w", SIGNER, INTERVALS), 40)
CHECKPOINTS = [at for at, raw in enumerate(CHAIN) if read_record(raw).checkpoint]


@pytest.mark.parametrize("number", range(CHECKPOINTS[-1]))
def test_each_record_that_a_checkpoint_covers_is_proved(number: int) -> None:
    proof = prove(CHAIN, number)
    assert (refutation(proof, KEYS), read_record(proof.record.encode()).sequence) == (None, number)
    assert Proof.model_validate_json(proof.model_dump_json()) == proof


def test_an_earlier_checkpoint_is_proved_the_beginning() -> None:
    proof = prove(CHAIN, 3, CHECKPOINTS[1])
    assert (refutation(proof, KEYS), bool(proof.consistency)) == (None, True)
    wrong = proof.model_copy(update={"consistency": proof.consistency[1:]})
    assert "not the beginning" in (refutation(wrong, KEYS) or "")


def test_what_is_changed_holds_no_more() -> None:
    proof = prove(CHAIN, 5)
    other = grow(Chain("other", SIGNER, INTERVALS), 40)[CHECKPOINTS[0]].decode()
    for update, says in [
        ({"record": CHAIN[6].decode()}, "does not lead"),
        ({"record": proof.record.replace("hit-5", "hit-6")}, "signature of w/5"),
        ({"path": proof.path[1:]}, "does not lead"),
        ({"path": ("x",)}, "non-hexadecimal"),
        ({"checkpoint": other}, "none of the record's chain"),
        ({"checkpoint": CHAIN[6].decode()}, "none of the record's chain"),
        ({"record": "{}"}, "no audit record"),
        ({"earlier": CHAIN[6].decode()}, "none of the record's chain"),
    ]:
        assert says in (refutation(proof.model_copy(update=update), KEYS) or ""), update
    assert "signature" in (refutation(proof, Keys([STRANGER.public_key()])) or "")


def test_what_has_no_proof_is_told_why() -> None:
    for number, earlier, says in [(40, None, "no such record"), (39, None, "no checkpoint covers"), (3, 4, "of that number")]:
        with pytest.raises(NoProofError, match=says):
            prove(CHAIN, number, earlier)
