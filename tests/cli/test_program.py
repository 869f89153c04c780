"""The installed program in a process of its own: what scripts see of it."""

from __future__ import annotations

import json
from unittest import mock

from media_format.refusal import Code
from tests.cli.refusals import says
from tests.cli.state import device_state
from tests.cli.workshop import Workshop, run, run_program


def test_done_is_0_with_one_object_on_standard_output_and_silence_beside_it(delivered: Workshop) -> None:
    said = run_program("device", "apply", delivered.device, delivered.stick, "--json")
    assert (said.status, said.err) == (0, "")
    (package,) = json.loads(said.out)["packages"]
    assert (package["outcome"], package["version"], package["devices"]) == ("installed", "1.0.0", ["PUMP-1"])


def test_a_refusal_is_3_and_leaves_the_device_as_it_was(delivered: Workshop) -> None:
    before = device_state(delivered.other)
    said = run_program("device", "apply", delivered.other, delivered.stick, "--json")
    says(said, Code.NOT_FOR_THIS_DEVICE)
    assert device_state(delivered.other) == before


def test_the_whole_loop_runs_by_the_program(delivered: Workshop) -> None:
    device, stick = delivered.device, delivered.stick
    for verb in (
        ("apply", device, stick),
        ("verify-boot", device),
        ("confirm", device),
        ("request", device, stick),
    ):
        said = run_program("device", *verb)
        assert said.status == 0, said.err
    said = run_program("box", "collect", delivered.box, stick)
    assert said.status == 0
    assert "PUMP-1: confirmed - → 1.0.0" in said.out


def test_a_directory_where_nobody_lives_is_2(delivered: Workshop) -> None:
    said = run_program("device", "status", delivered.folder)
    assert (said.status, said.out) == (2, "")
    assert said.err.startswith("misuse: ")


def test_the_version_is_told() -> None:
    said = run_program("--version")
    assert said.status == 0
    assert said.out.startswith("updatebox, version ")


def test_ctrl_c_while_the_program_loads_a_role_is_told(delivered: Workshop) -> None:
    with mock.patch("importlib.import_module", side_effect=KeyboardInterrupt):
        said = run("box", "status", delivered.box)
    assert (said.status, said.err) == (1, "interrupted: stopped before the end; run the command again\n")
