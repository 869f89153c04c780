"""What is in a backup: unpacked into a folder of its own, and verified as a whole before anything is used."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import text

from appliance.box import backup_file, room
from appliance.box.backup import PACKAGES
from appliance.box.backup_file import Contents, Place
from appliance.box.configuration import FILE, Configuration
from appliance.box.faults import DATABASE
from appliance.box.identity import BUNDLE
from appliance.box.store import Store
from appliance.trust.bundle import Bundle
from appliance.trust.chain import VerifiedCertificate, verify_chain
from appliance.trust.purpose import Purpose
from media_format import cose
from media_format.errors import MachineFault, Misuse
from media_format.objects import TrustAnchor
from media_format.refusal import Code, Refusal

_MEMBERS: Final = re.compile(
    rf"{re.escape(DATABASE)}|{re.escape(FILE)}|{re.escape(BUNDLE)}|{PACKAGES}/[0-9a-f]{{32}}/[A-Z0-9.]{{1,12}}"
)


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup whose every byte its box has signed, unpacked into `folder`."""

    folder: Path
    packages: Path
    """Where its packages were unpacked."""
    contents: Contents
    certificate: VerifiedCertificate
    """The box's, as it was then. Dates and revocation are not judged: a box that is gone may be revoked."""
    bundle: Bundle
    configuration: Configuration
    store: Store


def open_backup(
    file: Path, passphrase: str, folder: Path, anchor: TrustAnchor | None, packages: Path | None = None
) -> Backup:
    """Unpack a backup into an empty `folder` and verify it; its packages into `packages` where that is given.

    Its box must be one of the vendor's whom `anchor` names; without one, the backup's own anchor counts.
    Refusals as for `backup_file.extract`, also (chain-invalid) and (signature-invalid); MachineFault for the
    backup of newer software, and (store-full). Misuse where the file cannot be read.
    """
    packages = packages or folder / PACKAGES
    packages.mkdir(mode=0o700, exist_ok=True)
    try:
        with file.open("rb") as opened:
            signed, files = backup_file.extract(opened, passphrase, _place(folder, packages))
    except OSError as error:
        raise Misuse(f"{error.filename or file}: {error.strerror}") from None
    found = cose.read_sign1(signed, Contents.CONTENT_TYPE, Contents.LIMIT)
    contents = Contents.from_bytes(found.payload)
    backup_file.check_files(contents, files)
    if not {DATABASE, FILE, BUNDLE} <= {member.name for member in contents.files}:
        raise Refusal(Code.TRUNCATED, "the backup holds no whole box")
    bundle = Bundle.from_pem((folder / BUNDLE).read_bytes())
    signature = found.signatures[0]
    certificate = verify_chain(signature.chain, anchor or bundle.anchor, Purpose.BOX_IDENTITY)
    signature.verify(certificate.key)
    configuration = Configuration.load(folder)
    if not certificate.identity.id == contents.box == configuration.id:
        raise Refusal(Code.PURPOSE_MISMATCH, "the backup names another box than its certificate")
    return Backup(folder, packages, contents, certificate, bundle, configuration, _store(folder))


def _place(folder: Path, packages: Path) -> Place:
    def place(name: str, size: int) -> Path | None:
        if not _MEMBERS.fullmatch(name):
            return None
        if not name.startswith(f"{PACKAGES}/"):
            return folder / name
        room.check_disk(packages, size)
        return packages / name.removeprefix(f"{PACKAGES}/")

    return place


def _store(folder: Path) -> Store:
    """The store in a backup, brought up to today's schema."""
    store = Store.open(folder)
    with store.reading() as transaction:
        state = transaction.scalar(text("PRAGMA integrity_check(1)"))
    if state != "ok":
        raise MachineFault(f"the database in the backup is damaged: {state}")
    return store
