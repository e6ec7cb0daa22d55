"""What a token's entry, a certificate's entry and a claim say alike: a role of the permission matrix, and where it is had."""

from __future__ import annotations

from typing import Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from connectors.courts.endpoint import ANY_COURT
from matchers.wire import NonEmpty
from stream.core.authority import PLACES, Grant, Role

PLACE_MAX: Final = 64
GRANTS_MAX: Final = 32


class Placed(BaseModel):
    """Where a role is had. Which of the three a role needs, ``PLACES`` says."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    court: NonEmpty | None = Field(default=None, max_length=PLACE_MAX)
    province: NonEmpty | None = Field(default=None, max_length=PLACE_MAX)
    station: NonEmpty | None = Field(default=None, max_length=PLACE_MAX)

    @model_validator(mode="after")
    def _is_of_one_court(self) -> Placed:
        if self.court == ANY_COURT:
            raise ValueError("a role is one court's own: name the court")
        return self

    def grant(self, role: Role) -> Grant:
        """The role at this place.

        Raises:
            ValueError: the role must be had at a place that is not named.
        """
        if missing := [name for name in PLACES.get(role, ()) if getattr(self, name) is None]:
            raise ValueError(f"the role {role} names its {' and its '.join(missing)}")
        return Grant(role, self.court, self.province, self.station)


class _Claimed(Placed):
    """One grant in a token. A member that is not known may be meant to narrow it, so it is refused."""

    model_config = ConfigDict(extra="forbid")

    role: Role


def name_of(grant: Grant) -> str:
    """What a machine is called by that was given one grant and no other name: where it is, else what it is."""
    return grant.station or grant.court or grant.province or grant.role.value


def grants_in(claim: object) -> tuple[Grant, ...]:
    """The grants that a claim lists: objects with ``role`` and, as the role needs them, ``court``, ``province``, ``station``.

    Raises:
        ValueError: it is no list of grants, or one of them is not known to the permission matrix. Nothing of it counts then.
    """
    if not isinstance(claim, list) or not 0 < len(claim) <= GRANTS_MAX:
        raise ValueError(f"grants are a list of 1 to {GRANTS_MAX}")
    try:
        read = [_Claimed.model_validate(one) for one in claim]
    except ValidationError:
        raise ValueError("a grant that the permission matrix does not know") from None
    return tuple(dict.fromkeys(one.grant(one.role) for one in read))
