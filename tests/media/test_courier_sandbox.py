"""What a courier that was taken over can do: nothing but spoil the medium that it was given."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from appliance.media.courier.messages import Operation
from appliance.media.courier.starting import Courier
from tests.media.couriers import courier, program
from tests.media.inside_courier import ATTEMPTS
from tests.media.loops import empty_image
from tests.tools import missing

MIB = 1024 * 1024
DENIED = ("EPERM", "EACCES", "EBADF")


def ask(inside: Courier, attempt: str) -> str:
    return str(inside.link.call(cast(Operation, attempt)))


@pytest.fixture(scope="module")
def inside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Courier]:
    image = empty_image(tmp_path_factory.mktemp("courier") / "medium.img", MIB)
    with courier(image, *program("inside_courier.py")) as (started, _):
        if not (started.confinement.landlock and started.confinement.seccomp):
            missing("the kernel has no Landlock or no seccomp")
        yield started
        started.link.end()


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_it_cannot(inside: Courier, attempt: str) -> None:
    assert ask(inside, attempt) in DENIED


def test_it_cannot_use_memory_without_end(inside: Courier) -> None:
    assert ask(inside, "use memory without end") == "ENOMEM"


def test_it_cannot_make_an_image_larger(inside: Courier) -> None:
    assert ask(inside, "make the medium larger") == "EFBIG"


def test_it_says_what_keeps_it_in(inside: Courier) -> None:
    stated = inside.confinement
    assert (stated.no_new_privileges, stated.undumpable, stated.seccomp) == (True, True, True)
    assert "seccomp" in str(stated) and "NO " not in str(stated)


def test_the_kernel_confirms_what_it_says(inside: Courier) -> None:
    fields = dict(
        line.split(":\t", 1) for line in Path(f"/proc/{inside.link.pid}/status").read_text().splitlines()
    )
    assert (fields["NoNewPrivs"], fields["Seccomp"]) == ("1", "2")
    if os.geteuid() == 0:
        assert fields["Uid"].split() == [str(inside.confinement.user)] * 4
        assert fields["Groups"].strip() == ""
        assert int(fields["CapEff"], 16) == int(fields["CapPrm"], 16) == 0


def test_a_descriptor_that_leaks_into_it_is_closed(tmp_path: Path) -> None:
    image = empty_image(tmp_path / "medium.img", MIB)
    leak = "import os, sys; os.dup2(os.open('/etc/passwd', 0), 77); os.execv(sys.argv[1], sys.argv[1:])"
    command = program("inside_courier.py")
    with courier(image, command[0], "-c", leak, *command) as (started, _):
        assert ask(started, "reach other descriptors") in DENIED
        started.link.end()
