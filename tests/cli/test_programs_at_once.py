"""Several programs on one store at once: each does its part, and the store is whole afterwards."""

from __future__ import annotations

import subprocess

from tests.cli.workshop import PROGRAM, Said, Workshop, run


def at_once(*acts: tuple[object, ...]) -> list[Said]:
    """Run verbs in processes of their own, all at the same time."""
    running = [
        subprocess.Popen(
            [str(PROGRAM), "box", *map(str, act)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for act in acts
    ]
    ended = [(one.communicate(timeout=120), one) for one in running]
    return [Said(one.returncode, out, err) for (out, err), one in ended]


def importing(shop: Workshop, *versions: str) -> tuple[object, ...]:
    return ("import", shop.box, *(shop.folder / version for version in versions), *shop.pin())


def versions(shop: Workshop) -> list[str]:
    return sorted(str(found["version"]) for found in shop.do("box", "releases", shop.box)["releases"])


def is_whole(shop: Workshop) -> None:
    assert shop.do("box", "status", shop.box, "--check")["findings"] == []


def test_imports_of_one_release_and_of_another_at_once_all_end_well(enrolled: Workshop) -> None:
    for version in ("1.0.0", "1.1.0"):
        enrolled.make_release(version)
    said = at_once(
        importing(enrolled, "1.0.0"), importing(enrolled, "1.1.0"), importing(enrolled, "1.0.0", "1.1.0")
    )
    assert [one.status for one in said] == [0, 0, 0], said
    assert versions(enrolled) == ["1.0.0", "1.1.0"]
    is_whole(enrolled)
    acts = [entry["act"] for entry in enrolled.do("box", "ledger", enrolled.box)["entries"]]
    assert acts.count("import") == 2


def test_an_import_and_a_write_at_once_both_end_well(delivered: Workshop) -> None:
    delivered.make_release("1.1.0")
    stick = delivered.fresh_stick("second.img")
    write = ("write", delivered.box, stick, "--device", "PUMP-1", *delivered.pin())
    said = at_once(importing(delivered, "1.1.0"), write)
    assert [one.status for one in said] == [0, 0], said
    delivered.do("device", "apply", delivered.device, stick)
    is_whole(delivered)


def test_an_import_and_retirements_at_once_leave_what_is_offered(delivered: Workshop) -> None:
    delivered.make_release("1.1.0")
    retire = ("retire", delivered.box, "--release", delivered.release_digest("1.0.0"), *delivered.pin())
    said = at_once(importing(delivered, "1.1.0"), retire, retire)
    assert [one.status for one in said] == [0, 0, 0], said
    assert versions(delivered) == ["1.1.0"]
    is_whole(delivered)
    assert len(list((delivered.box / "packages").iterdir())) == 1


def test_a_write_and_a_retirement_at_once_end_in_a_package_or_in_a_name(delivered: Workshop) -> None:
    stick = delivered.fresh_stick("second.img")
    write = ("write", delivered.box, stick, "--device", "PUMP-1", *delivered.pin())
    retire = ("retire", delivered.box, "--release", delivered.release_digest("1.0.0"), *delivered.pin())
    written, retired = at_once(write, retire)
    assert retired.status == 0, retired.err
    if written.status == 0:
        delivered.do("device", "apply", delivered.device, stick)
    else:
        assert written.err.startswith(("already-installed: ", "package-missing: ")), written.err
    assert run("box", "import", *importing(delivered, "1.0.0")[1:]).status == 0
    is_whole(delivered)


def test_several_places_are_imported_by_one_command(enrolled: Workshop) -> None:
    for version in ("1.0.0", "1.1.0"):
        enrolled.make_release(version)
    damaged = next((enrolled.folder / "1.0.0").rglob("PAYLOAD.000"))
    damaged.write_bytes(damaged.read_bytes()[:-1])
    said = run("box", *importing(enrolled, "1.0.0", "1.1.0"), "--json")
    assert said.status == 0, said.err
    assert [found["version"] for found in said.data["releases"]] == ["1.1.0"]
    assert "truncated: " in run("box", *importing(enrolled, "1.0.0", "1.1.0")).out


def test_each_of_several_places_that_cannot_be_imported_is_named(enrolled: Workshop) -> None:
    for version in ("1.0.0", "1.1.0"):
        enrolled.make_release(version)
        damaged = next((enrolled.folder / version).rglob("PAYLOAD.000"))
        damaged.write_bytes(damaged.read_bytes()[:-1])
    (enrolled.folder / "none").mkdir()
    said = run("box", *importing(enrolled, "1.0.0", "none", "1.1.0"))
    assert said.status == 3
    for name in ("1.0.0", "none", "1.1.0"):
        assert said.err.count(str(enrolled.folder / name)) == 1, said.err
