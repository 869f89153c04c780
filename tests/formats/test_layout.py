"""Names on the medium: which are ours, and how ours are made."""

from __future__ import annotations

import pytest

from media_format import layout


@pytest.mark.parametrize("name", ["1A2B3C4D.REQ", "1a2b3c4d.req", "A.REQ", "00000000.Req"])
def test_upper_case_8_3_names_are_candidates_however_the_system_shows_them(name: str) -> None:
    assert layout.is_object(name, layout.REQUEST_SUFFIX)


@pytest.mark.parametrize(
    "name",
    [
        "._1A2B3C.REQ",
        "Thumbs.db",
        ".REQ",
        "1A2B3C4D5.REQ",
        "1A2B 3C4.REQ",
        "1A2B3C4D.REQ.TMP",
        "A.B.REQ",
        "1A2B3C4D",
        "1A2B3C4D.RCP",
        "ÄÖÜ.REQ",
        "٣.REQ",
        "1A2B~1.REQ",
        "../../A.REQ",
        "A.REQ\n",
    ],
)
def test_other_names_are_left_alone(name: str) -> None:
    assert not layout.is_object(name, layout.REQUEST_SUFFIX)


def test_folders_of_packages_have_names_without_a_suffix() -> None:
    assert layout.is_object("1a2b3c4d", "")
    assert not layout.is_object("1A2B3C4D.OLD", "")
    assert not layout.is_object("", "")


def test_names_follow_from_contents() -> None:
    assert layout.stem(b"abc") == "BA7816BF"
    assert layout.package_folder(bytes.fromhex("1a2b3c4d") + bytes(12)) == "UPDATEBX/PACKAGES/1A2B3C4D"
    assert [layout.segment(number) for number in (0, 7, 999)] == ["PAYLOAD.000", "PAYLOAD.007", "PAYLOAD.999"]
    assert layout.is_object(layout.stem(b"abc") + layout.CRL_SUFFIX, layout.CRL_SUFFIX)


def test_the_root_of_a_medium_has_no_name() -> None:
    assert layout.inside("", "ENVELOPE.CBR") == "ENVELOPE.CBR"
    assert layout.inside("A/B", "ENVELOPE.CBR") == "A/B/ENVELOPE.CBR"
