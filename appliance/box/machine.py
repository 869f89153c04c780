"""The box as a machine: its folder, keys, store, ledger and clocks, and what every act at it begins with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from sqlalchemy.orm import Session as Transaction

from appliance.box import directives, faults, identity, ownership, rules, users
from appliance.box.configuration import Configuration
from appliance.box.context import Context
from appliance.box.identity import Identity
from appliance.box.ledger import Ledger
from appliance.box.reserve import Reserve
from appliance.box.rules import Rules
from appliance.box.settings import SETTINGS
from appliance.box.store import Store
from appliance.box.users import Session
from appliance.media import open_medium
from appliance.tpm import Tpm, open_tpm
from appliance.trust.clock import TrustedTime, trusted_time
from appliance.trust.crl import RevocationLists
from appliance.trust.directive_result import DirectiveResult
from appliance.trust.time_sources import open_time_source, read_source
from media_format.crl_files import read_crls
from media_format.errors import MachineFault, Misuse
from media_format.refusal import Refusal
from media_format.volume.seam import Volume

Enter = Callable[[str, str], None]
"""Enters an act and its detail into the ledger."""


class Machine:
    """One box on this computer. Opening it needs nobody; using its keys needs a person's `Session`."""

    def __init__(self, folder: Path, configuration: Configuration, tpm: Tpm, store: Store) -> None:
        self.folder = folder
        self.configuration = configuration
        self.tpm = tpm
        self.store = store
        self.ledger = Ledger(store, tpm)
        self.loops = tuple(Path(name) for name in configuration.loops)
        self._sources = tuple(map(open_time_source, configuration.time_sources))

    @classmethod
    def open(cls, folder: Path, now: Callable[[], int], *, looking: bool = False) -> Machine:
        """The box in `folder`. MachineFault and Misuse where there is none that can be used by this user.

        With `looking` its store is neither brought up to date nor written to.
        """
        faults.check_owner(folder)
        faults.check_writable(folder)
        configuration = Configuration.load(folder)
        with Reserve(folder).lent():
            tpm = open_tpm(configuration.tpm, create=False, now=now, folder=folder)
            store = Store.look(folder) if looking else Store.open(folder)
            ownership.check(store, configuration.id, tpm.public(identity.IDENTITY), claiming=not looking)
        if not looking:
            store.reserve.keep()
        return cls(folder, configuration, tpm, store)

    # Who it is

    def own(self) -> Identity:
        """Who the box is. Misuse where it has no certificates yet."""
        return identity.load(self.folder, self.tpm, self.configuration.id)

    def own_or_none(self) -> Identity | None:
        """Who the box is, or None where that cannot be said."""
        try:
            return self.own()
        except (Misuse, Refusal):
            return None

    def is_revoked(self, own: Identity) -> bool:
        """Whether the vendor revoked this box."""
        try:
            _judge_own(own, self.store.lists(own.bundle))
        except Refusal:
            return True
        return False

    # What time it is

    def time(self, own: Identity) -> TrustedTime:
        """The trusted time. Refusal(time-untrusted) or (time-before-floor)."""
        readings = [read_source(source) for source in self._sources]
        return trusted_time(readings, self.store.time_floor(), own.bundle.anchor.policy.clock_horizon)

    def time_or_problem(self, own: Identity | None) -> tuple[TrustedTime | None, str | None, str | None]:
        """The trusted time, or why there is none and what to do about it."""
        if own is None:
            return None, "no certificates yet", None
        try:
            return self.time(own), None, None
        except Refusal as refusal:
            return None, str(refusal), refusal.advice
        except MachineFault as fault:
            return None, fault.detail, fault.advice

    def ledger_time(self) -> TrustedTime:
        """What the clocks say, trusted or not: an act is entered whatever the time is."""
        for name, time in map(read_source, self._sources):
            if time is not None:
                return TrustedTime(time, name)
        return TrustedTime(0, "none")

    # What acts begin with

    def context(self) -> Context:
        """The surroundings of an act, at the trusted time.

        Refusal(revoked) where the box is, and (tpm-unavailable) where what it goes by was changed past it.
        """
        own = self.own()
        with self.store.reading() as transaction:
            SETTINGS.check(transaction, self.tpm)
        context = Context(self.store, self.tpm, own, self.time(own), self.configuration.allow_by_default)
        _judge_own(own, context.lists())
        return context

    def rules(self, transaction: Transaction) -> Rules:
        """The rules in force."""
        return rules.held(transaction, allow_by_default=self.configuration.allow_by_default)

    def check_session(self, session: Session) -> None:
        """Refusal(pin-wrong) where a session's person was removed or changed since it was opened."""
        with self.store.transaction() as transaction:
            users.check_session(transaction, self.tpm, session)

    @contextmanager
    def acts(self, session: Session) -> Iterator[tuple[Transaction, Enter]]:
        """A person's transaction of several acts, each with an entry that is signed; all of them, or none.

        Raises as `check_session`.
        """

        def sign(digest: bytes) -> bytes:
            return self.tpm.sign(identity.IDENTITY, digest, session.authorisation)

        with self.ledger.acts(self.ledger_time()) as acts:
            users.check_session(acts.transaction, self.tpm, session)
            yield acts.transaction, partial(acts.enter, who=session.user, sign=sign)

    @contextmanager
    def acting(self, session: Session, act: str, detail: str) -> Iterator[Transaction]:
        """As `acts`, of one act."""
        with self.acts(session) as (transaction, enter):
            yield transaction
            enter(act, detail)

    @contextmanager
    def opened(self, medium: Path, *, writable: bool) -> Iterator[Volume]:
        """A medium, through the courier."""
        volume = open_medium(medium, writable=writable, loops=self.loops)
        try:
            yield volume
        finally:
            volume.close()

    @contextmanager
    def reading(self, medium: Path) -> Iterator[tuple[Context, Volume]]:
        """A medium whose directives were followed: they may be what the rest needs to be believed."""
        own = self.own()
        with self.opened(medium, writable=False) as volume:
            self.follow(own, volume)
            yield self.context(), volume

    def follow(self, own: Identity, volume: Volume) -> tuple[DirectiveResult, ...]:
        """Follow the vendor's directives to this box."""
        results = []
        for file in directives.for_box(volume, own):
            own = self.own()
            now, _, _ = self.time_or_problem(own)
            place = (self.folder, self.store, self.ledger, own, now, self.ledger_time())
            results.append(directives.follow(directives.Follower(*place), volume, file))
        return tuple(results)

    def learn(self, context: Context, volume: Volume) -> tuple[bytes, ...]:
        """Keep newer revocation lists, whatever becomes of the rest; returns what is on the medium."""
        crls, known = read_crls(volume), context.lists()
        lists = known.take(crls)
        if lists.ders != known.ders:
            with self.ledger.entry(
                context.now, "revocation lists", "newer ones from a medium"
            ) as transaction:
                self.store.keep_lists(transaction, context.own.bundle, lists)
        return crls


def _judge_own(own: Identity, lists: RevocationLists) -> None:
    """A box that was revoked does nothing for anybody. Refusal(revoked)."""
    for certificate in (own.signing, own.transport):
        try:
            lists.judge_chain(certificate)
        except Refusal as refusal:
            raise Refusal(refusal.code, f"the vendor revoked this box: {refusal.detail}") from None
