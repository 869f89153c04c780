"""updatebox vendor directive: orders to single boxes and devices."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from appliance.cli.answer import Answer, answering
from appliance.cli.clock import now
from appliance.cli.entitlements import COLUMNS, read_entitlements
from appliance.cli.files import read_file
from appliance.cli.orders import WORDS
from appliance.cli.places import places
from appliance.cli.quantities import Moment
from appliance.cli.secrets import secret_options
from appliance.media import open_medium
from appliance.vendor import Addressee, Directives, IssuedDirective, Vendor
from media_format import limits
from media_format.crl_files import write_crls
from media_format.errors import Misuse
from media_format.objects import Role
from media_format.volume.seam import Volume

_FOLDER = places("vendor")
_PASSPHRASE = secret_options("passphrase", "vendor passphrase")
_OUT = click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path),
    help="A medium, or a directory to be carried like one.",
)

if TYPE_CHECKING:
    _Machine = click.ParamType[Addressee]
else:
    _Machine = click.ParamType  # older versions of click do not say what a type converts to


class AddresseeType(_Machine):
    """A machine as people write it: box:BOX-1, device:PUMP-1, device:PUMP-1:2."""

    name = "ROLE:ID[:EPOCH]"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Addressee:
        """Ids may hold colons: what follows the last one is an epoch only where it is a number."""
        role, colon, rest = str(value).partition(":")
        if not colon or not rest or role not in tuple(Role):
            self.fail(
                f"{value!r} names no machine; write for example box:BOX-1 or device:PUMP-1:2", param, ctx
            )
        name, colon, epoch = rest.rpartition(":")
        if colon and name and epoch.isascii() and epoch.isdecimal():
            return Addressee(Role(role), name, int(epoch))
        return Addressee(Role(role), rest)


FOR = click.option(
    "--for",
    "whom",
    multiple=True,
    required=True,
    type=AddresseeType(),
    help="Whom it is for, in its newest epoch unless one is named; may be repeated.",
)

Write = Callable[[Directives, Volume, Addressee], tuple[IssuedDirective, ...]]


@click.group("directive")
def directive() -> None:
    """Write signed orders to single boxes and devices onto a medium."""


@directive.command("time-floor")
@_FOLDER
@FOR
@click.option("--to", "floor", required=True, type=Moment(), help="The new floor, for instance 2027-01-31.")
@_OUT
@answering
@_PASSPHRASE
def time_floor(
    directory: Path, whom: tuple[Addressee, ...], floor: int, out: Path, passphrase: str
) -> Answer:
    """Let a machine believe earlier times again, after a wrong clock has moved its floor."""

    def write(orders: Directives, volume: Volume, one: Addressee) -> tuple[IssuedDirective, ...]:
        return (orders.lower_time_floor(volume, one, floor),)

    return _written(directory, passphrase, whom, out, write)


@directive.command("entitle")
@_FOLDER
@FOR
@click.option(
    "--list",
    "file",
    required=True,
    type=click.Path(path_type=Path),
    help=f"CSV with the columns {', '.join(COLUMNS)}.",
)
@_OUT
@answering
@_PASSPHRASE
def entitle(directory: Path, whom: tuple[Addressee, ...], file: Path, out: Path, passphrase: str) -> Answer:
    """Say which devices a box may serve; nothing else is served from then on."""
    entitlements = read_entitlements(str(file), read_file(file, limits.MIB))
    if not entitlements:
        raise Misuse(f"{file} holds no entry")

    def write(orders: Directives, volume: Volume, one: Addressee) -> tuple[IssuedDirective, ...]:
        return (orders.entitle(volume, one, entitlements),)

    return _written(directory, passphrase, whom, out, write)


@directive.command("renew")
@_FOLDER
@FOR
@_OUT
@answering
@_PASSPHRASE
def renew(directory: Path, whom: tuple[Addressee, ...], out: Path, passphrase: str) -> Answer:
    """Give machines certificates with later dates for the keys they have."""

    def write(orders: Directives, volume: Volume, one: Addressee) -> tuple[IssuedDirective, ...]:
        return (orders.renew(volume, one),)

    return _written(directory, passphrase, whom, out, write)


@directive.command("cross-sign")
@_FOLDER
@FOR
@_OUT
@answering
@_PASSPHRASE
def cross_sign(directory: Path, whom: tuple[Addressee, ...], out: Path, passphrase: str) -> Answer:
    """Let machines trust the roots that `vendor rotate-root` made."""
    return _written(directory, passphrase, whom, out, Directives.cross_sign)


def _written(
    directory: Path, passphrase: str, whom: tuple[Addressee, ...], out: Path, write: Write
) -> Answer:
    opened = Vendor.open(directory, passphrase, now)
    orders = opened.directives
    for one in whom:
        orders.check(one)
    with _medium(out) as volume:
        issued = [found for one in whom for found in write(orders, volume, one)]
        write_crls(volume, opened.crls())
    lines = [
        f"Directive {one.sequence} for {one.role} {one.target} (epoch {one.epoch}): {WORDS[one.order]}. "
        f"It is in {out / one.file}."
        for one in issued
    ]
    return Answer({"directives": issued, "out": out}, "\n".join(lines))


@contextmanager
def _medium(out: Path) -> Iterator[Volume]:
    if not out.exists():
        out.mkdir(parents=True)
    volume = open_medium(out, writable=True)
    try:
        yield volume
    finally:
        volume.close()
