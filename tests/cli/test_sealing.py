"""A release reaches a box that was enrolled after it was made."""

from __future__ import annotations

from tests.cli.stages import enrol
from tests.cli.workshop import Workshop, run


def test_a_release_is_sealed_for_a_box_that_came_later(running: Workshop) -> None:
    later, answer, out = running.folder / "later", running.folder / "later.pem", running.folder / "again"
    running.do("box", "init", later, "--id", "BOX-2", *running.pin())
    enrol(running, "box", later, answer)
    component = f"rootfs={running.folder / '1.1.0.img'}"
    order = ("--release", running.folder / "1.1.0", "--component", component, "--for", answer, "--out", out)
    done = running.do("vendor", "seal", running.vendor, *order, *running.passphrase())["release"]
    assert done["manifest_digest"] == running.release_digest("1.1.0")
    running.do("box", "import", later, out, *running.pin())
    running.do("box", "admit", later, running.stick)
    running.do("box", "write", later, running.stick, "--device", "PUMP-1", *running.pin())
    running.install()
    assert running.reported()[-1]["version_after"] == "1.1.0"


def test_another_image_is_no_image_of_the_release(running: Workshop) -> None:
    component = f"rootfs={running.folder / '1.0.0.img'}"
    out = running.folder / "again"
    order = ("--component", component, "--for", running.folder / "box.pem", "--out", out)
    release = ("--release", running.folder / "1.1.0")
    said = run("vendor", "seal", running.vendor, *release, *order, *running.passphrase())
    assert said.status == 2
    assert said.err.strip() == (
        f"misuse: {running.folder / '1.0.0.img'} is not the image of rootfs that was released"
    )
