"""updatebox box user: the people who may unlock the box."""

from __future__ import annotations

from pathlib import Path

import click

from appliance.box import UserRole
from appliance.cli.answer import Answer, answering
from appliance.cli.box_parts import FOLDER, PIN, USER, open_box
from appliance.cli.places import places
from appliance.cli.secrets import secret_options

_FOLDER_AND_NAME = places("box", name="NAME")


@click.group("user")
def user_group() -> None:
    """The people who may unlock the box."""


@user_group.command("list")
@FOLDER
@answering
def user_list(directory: Path) -> Answer:
    """List the people who may unlock the box."""
    found = open_box(directory).users()
    return Answer({"users": found}, "\n".join(f"{user.name:<32} {user.role}" for user in found))


@user_group.command("add")
@_FOLDER_AND_NAME
@click.option(
    "--role",
    type=click.Choice([str(role) for role in UserRole]),
    required=True,
    help="Technicians import, write and collect; supervisors also decide who may.",
)
@USER
@answering
@PIN
@secret_options("new-pin", "new PIN", confirm=True)
def user_add(directory: Path, name: str, role: str, user: str, pin: str, new_pin: str) -> Answer:
    """Let another person use the box."""
    service = open_box(directory)
    service.add_user(name, UserRole(role), new_pin, service.unlock(user, pin))
    return Answer({"user": name, "role": role}, f"{name} may use the box as {role}.")


@user_group.command("reset")
@_FOLDER_AND_NAME
@USER
@answering
@PIN
@secret_options("new-pin", "new PIN", confirm=True)
def user_reset(directory: Path, name: str, user: str, pin: str, new_pin: str) -> Answer:
    """Give a person a new PIN."""
    service = open_box(directory)
    service.reset_user(name, new_pin, service.unlock(user, pin))
    return Answer({"user": name}, f"{name} has a new PIN.")


@user_group.command("remove")
@_FOLDER_AND_NAME
@USER
@answering
@PIN
def user_remove(directory: Path, name: str, user: str, pin: str) -> Answer:
    """Take a person's right away."""
    service = open_box(directory)
    service.remove_user(name, service.unlock(user, pin))
    return Answer({"user": name}, f"{name} can no longer use the box.")
