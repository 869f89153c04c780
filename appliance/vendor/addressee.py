"""Whom a directive or a renewal is for: a box or a device that is enrolled."""

from __future__ import annotations

from dataclasses import dataclass

from appliance.trust.renewal import OWN
from appliance.vendor.register import Issued, Register
from media_format.errors import Misuse
from media_format.objects import Role


@dataclass(frozen=True, slots=True)
class Addressee:
    """A box or device, in its newest enrolment epoch where none is named."""

    role: Role
    id: str
    epoch: int | None = None

    def enrolled(self, register: Register) -> Issued:
        """Its identity certificate. Misuse where it is not enrolled, or revoked."""
        found = register.holding(OWN[self.role][0].name, self.id, self.epoch)
        if found is None:
            epoch = "" if self.epoch is None else f" in epoch {self.epoch}"
            if self._was_enrolled(register):
                raise Misuse(f"{self.role} {self.id!r} was revoked{epoch}; enrol it again, with new keys")
            raise Misuse(f"no {self.role} {self.id!r} is enrolled{epoch}; see: updatebox vendor issued")
        return found

    def _was_enrolled(self, register: Register) -> bool:
        """Whether certificates were issued to it, revoked ones among them."""
        purpose = OWN[self.role][0].name
        named = [entry for entry in register.issued if (entry.purpose, entry.id) == (purpose, self.id)]
        return any(self.epoch in (None, entry.epoch) for entry in named)
