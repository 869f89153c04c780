"""Surveying a medium: hostile ones cost bounded work."""

from __future__ import annotations

from pathlib import Path

from appliance.box import survey
from media_format import layout
from media_format.volume.directory import DirectoryVolume


def test_no_more_than_4096_requests_are_looked_at_in_the_order_of_their_names(tmp_path: Path) -> None:
    folder = tmp_path / layout.REQUESTS
    folder.mkdir(parents=True)
    for number in range(4100):
        (folder / f"{number:08}.REQ").touch()
    found = survey.files(DirectoryVolume(tmp_path), layout.REQUESTS, layout.REQUEST_SUFFIX)
    assert [entry.name for entry in found] == [f"{number:08}.REQ" for number in range(4096)]
