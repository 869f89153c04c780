"""Explaining a medium, or a package's folder, thing by thing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import BinaryIO, Final

from appliance.cli.explain.judgement import Judgement, Standpoint
from appliance.cli.explain.notes import View, notes
from appliance.cli.explain.objects import Explanation, explain
from appliance.cli.explain.things import Thing, read_large, read_thing
from appliance.trust.revocation_list import RevocationList
from media_format import layout, limits
from media_format.crl_files import read_crls
from media_format.package import PackageReader, list_packages
from media_format.refusal import Code, Refusal
from media_format.volume.seam import Volume

_LIMIT: Final = limits.MAX_MANIFEST + limits.MAX_SIGN_OVERHEAD
_LOOKED_AT: Final = 1024
"""More files than this in one folder are not explained."""
_SUFFIXES: Final = (
    layout.REQUEST_SUFFIX,
    layout.RECEIPT_SUFFIX,
    layout.CRL_SUFFIX,
    layout.DIRECTIVE_SUFFIX,
)
_GONE: Final = (Code.MEDIUM_PULLED, Code.MEDIUM_UNREADABLE)


class Explainer:
    """Explains things as they are at `at`, and where somebody is asked, as `standpoint` answers.

    `at` is in seconds since the epoch. Where the one who is asked trusts a clock, that one's time counts.
    """

    def __init__(self, at: int, standpoint: Standpoint | None) -> None:
        self._standpoint = standpoint
        self._at = at if standpoint is None or standpoint.at is None else standpoint.at
        self._crls: tuple[bytes, ...] = ()

    def file(self, data: bytes) -> Explanation | None:
        """A file of the project's; None for any other. Refusal for one that is not right."""
        thing = read_thing(data)
        return None if thing is None else self._told(thing)

    def large(self, file: BinaryIO) -> Explanation | None:
        """A file that may be too large for memory; None where it is none of these kinds, and as `file`."""
        thing = read_large(file)
        return None if thing is None else self._told(thing)

    def medium(self, volume: Volume) -> Iterator[Explanation]:
        """Everything of ours on a medium, or in a package's folder. Refusal(medium-*) where it is gone."""
        self._crls = read_crls(volume)
        asked = self._standpoint
        answers = asked.medium(volume, self._crls) if asked else {}
        own = any(entry.name.upper() == layout.ENVELOPE for entry in volume.list(""))
        for folder in ([""] if own else []) + list(list_packages(volume)):
            yield from self._package(volume, folder, answers)
        for folder in (layout.REQUESTS, layout.RECEIPTS, layout.TRUST):
            yield from self._objects(volume, folder, answers)

    def _package(
        self, volume: Volume, folder: str, answers: Mapping[str, Judgement]
    ) -> Iterator[Explanation]:
        """The envelope, with the answer to the whole package, then the manifest."""
        reader, answer = PackageReader(volume, folder), answers.get(folder)
        if answer is None and self._standpoint is not None:
            answer = self._standpoint.package(volume, folder, self._crls)
        yield self._guarded(layout.inside(folder, layout.ENVELOPE), reader.envelope, answer)
        yield self._guarded(layout.inside(folder, layout.MANIFEST), reader.manifest, None, part=True)

    def _objects(
        self, volume: Volume, folder: str, answers: Mapping[str, Judgement]
    ) -> Iterator[Explanation]:
        names = [entry.name for entry in volume.list(folder) if not entry.folder]
        ours = [name for name in names if any(layout.is_object(name, suffix) for suffix in _SUFFIXES)]
        for name in sorted(ours)[:_LOOKED_AT]:
            path = f"{folder}/{name}"

            def read(path: str = path) -> bytes:
                return volume.read_object(path, _LIMIT)

            yield self._guarded(path, read, answers.get(path))

    def _guarded(
        self, path: str, read: Callable[[], bytes], answer: Judgement | None, *, part: bool = False
    ) -> Explanation:
        """What a file is, or why it cannot be said. Refusal(medium-*) where the medium stops answering."""
        try:
            thing = read_thing(read())
            told = {"kind": "unknown"} if thing is None else self._told(thing, answer, part=part)
            return {"file": path, **told}
        except Refusal as refusal:
            if refusal.code in _GONE:
                raise
            return {"file": path, "kind": "damaged", "code": refusal.code, "detail": refusal.detail}

    def _told(self, thing: Thing, answer: Judgement | None = None, *, part: bool = False) -> Explanation:
        """`part` says that the answer stands with another part of the same package."""
        found, asked = explain(thing, self._at), self._standpoint
        if asked is not None and answer is None and not part:
            answer = asked.thing(thing, self._crls)
        if asked is not None and answer is not None:
            found["answer"] = answer.told(asked.by)
        code = answer.code if answer else None
        found["notes"] = [
            {"code": note.code, "text": note.text}
            for note in notes(thing, self._view())
            if note.code is None or note.code is not code
        ]
        return found

    def _view(self) -> View:
        asked = self._standpoint
        known = asked.lists.ders if asked else ()
        read = (RevocationList.read(der) for der in (*known, *self._crls))
        return View(self._at, tuple(found for found in read if found), asked.anchor if asked else None)
