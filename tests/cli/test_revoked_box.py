"""A box that the vendor revoked: nothing is sealed for it, and once it knows it does nothing for anybody."""

from __future__ import annotations

from media_format.refusal import Code
from tests.cli.refusals import box_refuses, says
from tests.cli.workshop import Workshop, run


def revoke(shop: Workshop) -> None:
    shop.do("vendor", "revoke", shop.vendor, "--cert", shop.folder / "box.pem", *shop.passphrase())


def learn(shop: Workshop) -> None:
    lists = shop.folder / "lists.pem"
    shop.do("vendor", "crl", shop.vendor, "--out", lists, *shop.passphrase())
    shop.do("box", "certs", shop.box, "--install", lists)


def test_both_certificates_of_a_box_are_revoked_by_its_file(delivered: Workshop) -> None:
    revoke(delivered)
    issued = delivered.do("vendor", "issued", delivered.vendor, *delivered.passphrase())["issued"]
    revoked = {entry["purpose"] for entry in issued if entry["revoked"]}
    assert revoked == {"BOX_IDENTITY", "BOX_TRANSPORT"}


def test_no_release_is_sealed_for_a_revoked_box(delivered: Workshop) -> None:
    revoke(delivered)
    image = delivered.folder / "rootfs.img"
    image.write_bytes(bytes(4096))
    release = ("--product", "infusion-pump", "--version", "9", "--component", f"rootfs={image}")
    target = ("--for", delivered.folder / "box.pem", "--out", delivered.folder / "out", "--hardware", "rev-c")
    words = ("vendor", "release", delivered.vendor, *release, *target, *delivered.passphrase())
    advice = "Nothing is sealed for a revoked box; leave it out, or enrol it again with new keys."
    said = says(run(*words, "--json"), Code.REVOKED, advice)
    assert said["detail"].startswith(f"{delivered.folder / 'box.pem'}: box BOX-1: certificate ")
    assert not (delivered.folder / "out").exists()


def test_a_box_that_learned_of_its_revocation_writes_nothing_and_says_why(delivered: Workshop) -> None:
    write = ("write", delivered.box, delivered.stick, "--device", "PUMP-1", *delivered.pin())
    revoke(delivered)
    learn(delivered)
    box_refuses(delivered, Code.REVOKED, *write)
    box_refuses(delivered, Code.REVOKED, "admit", delivered.box, delivered.stick)
    assert delivered.do("box", "status", delivered.box)["status"]["revoked"] is True


def test_the_lists_that_revoke_a_box_say_so_when_it_takes_them_in(delivered: Workshop) -> None:
    revoke(delivered)
    lists = delivered.folder / "lists.pem"
    delivered.do("vendor", "crl", delivered.vendor, "--out", lists, *delivered.passphrase())
    said = run("box", "certs", delivered.box, "--install", lists)
    assert "the vendor revoked this box" in said.out


def test_the_check_of_a_revoked_box_does_not_end_well(delivered: Workshop) -> None:
    assert run("box", "status", delivered.box, "--check").status == 0
    revoke(delivered)
    learn(delivered)
    said = run("box", "status", delivered.box, "--check")
    assert said.status == 1
    assert "the vendor revoked this box" in said.err.splitlines()[-1]


def test_whoever_orders_something_of_a_revoked_box_is_told_that_it_was_revoked(delivered: Workshop) -> None:
    revoke(delivered)
    arguments = ("--for", "box:BOX-1", "--out", delivered.stick, *delivered.passphrase())
    said = run("vendor", "directive", "renew", delivered.vendor, *arguments)
    assert (said.status, said.err) == (2, "misuse: box 'BOX-1' was revoked; enrol it again, with new keys\n")
