"""What a thing holds that is no object of the format: it tells of itself."""

from __future__ import annotations

from typing import Any, Protocol


class Content(Protocol):
    """The content of a file, read to its end already."""

    @property
    def summary(self) -> str:
        """What it is, in a sentence without a full stop."""
        ...

    @property
    def fields(self) -> dict[str, Any]:
        """What is in it, in the forms that JSON knows."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """What is wrong with it, or not known of it."""
        ...
