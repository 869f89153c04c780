"""Clocks that jump, boxes that lie, reboots, releases, lists and directives in any order: what always holds.

The model knows the true time and which clock lies. It uses neither the floor nor the rules of
`appliance.trust.clock`: what must have been noticed is worked out from what the device has witnessed.
"""

from __future__ import annotations

import functools

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from appliance.trust.clock import BOX, SKEW, Reading
from appliance.trust.issuing import SIGNER_LIFETIME
from appliance.trust.verifier import InstallPlan
from media_format.objects import Answer, Policy
from media_format.refusal import Code
from tests.time.fleet import PACKAGE_LIFETIME, Delivery, Fleet, Release
from tests.trust_world import DAY, NOW, POLICY, YEAR, World, make_manifest

HORIZON = 2 * YEAR
CRL_MAX_AGE = 400 * DAY
END = NOW + 15 * YEAR
"""The vendor's authorities have been renewed by then."""

SOURCES = ("rtc", "gpsd")
drifts = st.integers(-SKEW // 2, SKEW // 2)
lies = st.sampled_from((-10 * YEAR, -YEAR, -DAY, DAY, 30 * DAY, 80 * DAY, YEAR, 9 * YEAR, 60 * YEAR))
shown = drifts | st.none() | lies
"""How far a clock is off; None while it is silent."""


@functools.cache
def the_world() -> World:
    """Keys and authorities are made once: making them is most of the work."""
    return World()


class AnySequence(RuleBasedStateMachine):
    """One device, its clocks, its vendor, and boxes good and bad."""

    fleet: Fleet

    @initialize(
        box_time=st.booleans(),
        max_age=st.sampled_from((None, CRL_MAX_AGE)),
        stored=st.sampled_from((0, YEAR, 5 * YEAR)),
    )
    def begin(self, box_time: bool, max_age: int | None, stored: int) -> None:
        """A device that was enrolled and then `stored` for so long."""
        policy = Policy(
            signatures=POLICY.signatures,
            crl_max_age=max_age,
            clock_horizon=HORIZON,
            nonce_boots=POLICY.nonce_boots,
            nonce_uptime=POLICY.nonce_uptime,
            box_time=box_time,
            unrequested=True,
            modes=POLICY.modes,
        )
        self.fleet = Fleet(the_world(), policy, floor=NOW - stored)
        self.clocks: dict[str, int | None] = dict.fromkeys(SOURCES, 0)
        """How far each clock is off; None while it is silent."""
        self.witnessed = 0
        """A time that the device must know to have passed: nothing older may ever be believed."""
        self.misled = 0
        """How far a lying clock has led the device ahead; past it the device is itself again."""
        self.seen_floor = self.fleet.floor
        self.held: list[tuple[int, int, bytes]] = []
        """Directives under way: number, floor, bytes."""
        self.followed = 0

    # What happens

    @rule(span=st.sampled_from((3600, DAY, 40 * DAY, 200 * DAY)))
    def wait(self, span: int) -> None:
        self.fleet.now = min(self.fleet.now + span, END)

    @rule(span=st.sampled_from((YEAR, 3 * YEAR)))
    def lie_unused(self, span: int) -> None:
        """The device is not touched while everybody else goes on."""
        self.fleet.now = min(self.fleet.now + span, END)
        self.fleet.make_release()
        self.fleet.issue_lists()
        self.fleet.certify_box()

    @rule(rtc=shown, gpsd=shown)
    def clocks_jump(self, rtc: int | None, gpsd: int | None) -> None:
        self.clocks = {"rtc": rtc, "gpsd": gpsd}

    @rule()
    def clocks_fail(self) -> None:
        self.clocks = dict.fromkeys(SOURCES)

    @rule(rtc=drifts, gpsd=drifts)
    def clocks_are_repaired(self, rtc: int, gpsd: int) -> None:
        self.clocks = {"rtc": rtc, "gpsd": gpsd}

    @rule(times=st.sampled_from((1, 1, POLICY.nonce_boots + 1)))
    def reboot(self, times: int) -> None:
        self.fleet.boots += times

    @rule()
    def release(self) -> None:
        self.fleet.make_release()

    @rule()
    def issue_lists(self) -> None:
        self.fleet.issue_lists()

    @rule()
    def renew_the_box(self) -> None:
        self.fleet.certify_box()

    # Directives

    @precondition(lambda self: len(self.held) < 3)
    @rule()
    def order_a_lower_floor(self) -> None:
        """The vendor's way out for a device that a lying clock led astray; it may be under way for years."""
        floor, order = self.fleet.now, self.fleet.directive(self.fleet.now)
        self.held.append((self.fleet.directives, floor, order))

    @precondition(lambda self: bool(self.held))
    @rule(which=st.integers(0, 2), keep=st.booleans())
    def a_directive_arrives(self, which: int, keep: bool) -> None:
        """In any order, and again and again where somebody keeps it."""
        number, floor, order = self.held[which % len(self.held)]
        if not keep:
            self.held.remove((number, floor, order))
        found = self.fleet.obey(order, self.followed)
        assert found is (None if number > self.followed else Code.REQUEST_REPLAYED)
        if found is None:
            assert self.fleet.floor <= floor
            self.followed, self.misled = number, 0
            self.seen_floor = self.fleet.floor
            self.witnessed = min(self.witnessed, floor)

    # Packages

    @rule(drift=drifts, answering=st.booleans(), with_lists=st.booleans())
    def an_honest_box_delivers(self, drift: int, answering: bool, with_lists: bool) -> None:
        fleet = self.fleet
        issued = fleet.now + drift
        delivery = Delivery(
            fleet.release,
            issued,
            issued + PACKAGE_LIFETIME,
            fleet.outstanding if answering else None,
            fleet.crls if with_lists else (),
        )
        good = with_lists and fleet.now + SKEW < fleet.box_ends and self._fresh()
        able = self._healthy() or (self._clockless() and answering and fleet.policy.box_time and fleet.young)
        found = self._apply(delivery)
        if good and able:
            assert isinstance(found, InstallPlan) or found is Code.ALREADY_INSTALLED, found

    @rule(boots=st.integers(0, POLICY.nonce_boots + 1))
    def a_device_without_clocks_is_answered(self, boots: int) -> None:
        """It believes the box by its own nonce, and only while that is young."""
        self.clocks_fail()
        self.fleet.boots += boots
        self.an_honest_box_delivers(drift=0, answering=True, with_lists=True)

    @rule(
        issued=st.sampled_from((-3 * YEAR, -100 * DAY, -DAY, 0, DAY, 30 * DAY, YEAR, 10 * YEAR)),
        lasting=st.sampled_from((DAY, PACKAGE_LIFETIME, 50 * YEAR)),
        answering=st.sampled_from(("this request", "this request", "an old one", "none")),
        with_lists=st.booleans(),
    )
    def a_subverted_box_delivers(self, issued: int, lasting: int, answering: str, with_lists: bool) -> None:
        fleet = self.fleet
        answers = {
            "this request": fleet.outstanding,
            "an old one": Answer(nonce=bytes(32), counter=1),
            "none": None,
        }[answering]
        at = max(1, fleet.now + issued)
        crls = fleet.crls if with_lists else ()
        found = self._apply(Delivery(fleet.release, at, at + lasting, answers, crls))
        if answering == "an old one":
            assert found is Code.REQUEST_MISMATCH

    @rule(late=st.sampled_from((DAY, YEAR)))
    def a_signer_signs_after_its_end(self, late: int) -> None:
        fleet = self.fleet
        index = fleet.release.manifest.index + 1
        begun = fleet.now - SIGNER_LIFETIME - late
        release = Release(
            make_manifest(index=index, created=fleet.now), fleet.world.release_signer(index, now=begun)
        )
        delivery = Delivery(release, fleet.now, fleet.now + PACKAGE_LIFETIME, fleet.outstanding, fleet.crls)
        assert not isinstance(fleet.apply(delivery, self._readings()), InstallPlan)

    @rule(off=lies, answering=st.booleans())
    def a_thief_of_both_sets_the_clock_and_delivers(self, off: int, answering: bool) -> None:
        """The package fits the clock: only what the device has witnessed speaks against them."""
        fleet = self.fleet
        self.clocks = {"rtc": off, "gpsd": None}
        shown = max(1, fleet.now + off)
        answers = fleet.outstanding if answering else None
        issued = min(shown, fleet.box_ends)
        self._apply(Delivery(fleet.release, issued, shown + YEAR, answers, fleet.crls))

    def _apply(self, delivery: Delivery) -> InstallPlan | Code:
        fleet = self.fleet
        before, young = fleet.floor, fleet.young
        found = fleet.apply(delivery, self._readings())
        if isinstance(found, InstallPlan):
            self._judge_acceptance(found, delivery, before, young=young)
        return found

    def _judge_acceptance(self, plan: InstallPlan, delivery: Delivery, before: int, *, young: bool) -> None:
        fleet, source, believed = self.fleet, plan.time.source, plan.time.time
        created = delivery.release.manifest.created
        # Whatever the clocks and the box say, what is known to have ended is over.
        assert delivery.expires >= self.witnessed
        assert delivery.issued_at >= created - SKEW
        assert delivery.issued_at <= fleet.box_ends
        assert believed >= self.witnessed
        assert believed >= created - SKEW
        if delivery.crls:
            assert believed >= fleet.crl_date - SKEW
        assert believed <= max(before, created, fleet.crl_date) + HORIZON
        if source == BOX:
            assert fleet.policy.box_time
            assert young
            assert delivery.answers is not None
            assert fleet.floor <= max(before, created, fleet.crl_date)
        else:
            off = self.clocks[source]
            assert off is not None
            if abs(off) <= SKEW:
                assert delivery.issued_at - 2 * SKEW <= fleet.now <= delivery.expires + SKEW
                if fleet.policy.crl_max_age is not None:
                    assert fleet.now - fleet.crl_date <= fleet.policy.crl_max_age + SKEW or not delivery.crls
            else:
                self.misled = max(self.misled, fleet.now + off)
            self.witnessed = max(self.witnessed, believed - SKEW)
        self.witnessed = max(self.witnessed, created - SKEW)

    # What always holds

    @invariant()
    def the_floor_never_sinks_by_itself(self) -> None:
        assert self.fleet.floor >= self.seen_floor
        self.seen_floor = self.fleet.floor

    @invariant()
    def only_a_lying_clock_of_the_device_itself_leads_its_floor_ahead(self) -> None:
        assert self.fleet.floor <= max(self.fleet.now, self.misled)

    def teardown(self) -> None:
        """Whatever has happened: with a right clock and what is new from the vendor the device goes on.

        Only where its floor lies ahead of the time does it need the vendor's order for that.
        """
        fleet = self.fleet
        self.clocks = dict.fromkeys(SOURCES, 0)
        self.lie_unused(DAY)
        if fleet.floor > fleet.now:
            assert self.misled
            self.order_a_lower_floor()
            self.a_directive_arrives(len(self.held) - 1, keep=False)
        delivery = Delivery(
            fleet.release, fleet.now, fleet.now + PACKAGE_LIFETIME, fleet.outstanding, fleet.crls
        )
        assert isinstance(self._apply(delivery), InstallPlan)

    def _readings(self) -> tuple[Reading, ...]:
        shown = {name: None if off is None else self.fleet.now + off for name, off in self.clocks.items()}
        return tuple((name, None if time is None else max(0, time)) for name, time in shown.items())

    def _healthy(self) -> bool:
        """Every clock that speaks is right, one does, and none has led the device astray for now."""
        speaking = [off for off in self.clocks.values() if off is not None]
        right = all(abs(off) <= SKEW // 2 for off in speaking)
        return bool(speaking) and right and self.fleet.now - SKEW >= self.misled

    def _clockless(self) -> bool:
        silent = all(off is None for off in self.clocks.values())
        return silent and self.fleet.now - SKEW >= self.misled

    def _fresh(self) -> bool:
        """Whether the vendor signed something lately enough for the horizon and for the lists' age."""
        fleet = self.fleet
        latest = max(fleet.release.manifest.created, fleet.crl_date)
        max_age = fleet.policy.crl_max_age
        lists = max_age is None or fleet.now + SKEW - fleet.crl_date <= max_age
        return lists and fleet.now + SKEW - latest <= HORIZON


AnySequence.TestCase.settings = settings(max_examples=50, stateful_step_count=40)
TestAnySequence = AnySequence.TestCase
