"""The key chain: no way back, no second release in the same place, no loop."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from appliance.trust.key_chain import KeyChain, confirmed, judge_boot, judge_install
from media_format.objects import ChainHead
from media_format.refusal import Code, Refusal
from tests.trust_world import refused


def release(index: int, variant: int = 0, line: str = "stable") -> ChainHead:
    return ChainHead(line=line, index=index, manifest_digest=bytes([index, variant]) * 16)


HEAD = release(5)
CHAIN = KeyChain(security_floor=2, head=HEAD, installed=HEAD.manifest_digest)


@pytest.mark.parametrize(
    ("offered", "code"),
    [
        (release(1), Code.SIGNER_SUPERSEDED),
        (release(4), Code.ROLLBACK),
        (release(5, variant=1), Code.EQUIVOCATION),
        (release(5), Code.ALREADY_INSTALLED),
    ],
)
def test_a_release_at_or_behind_the_head_is_refused(offered: ChainHead, code: Code) -> None:
    with refused(code):
        judge_install(CHAIN, offered)


def test_a_release_above_the_head_is_installed() -> None:
    judge_install(CHAIN, release(6))
    judge_install(CHAIN, release(60))


def test_a_device_without_a_head_installs_anything_at_or_above_the_floor() -> None:
    judge_install(KeyChain(2), release(2))
    with refused(Code.SIGNER_SUPERSEDED):
        judge_install(KeyChain(2), release(1))


def test_the_head_is_installed_again_where_its_slot_is_damaged_or_someone_asks() -> None:
    judge_install(KeyChain(2, HEAD), HEAD)
    judge_install(CHAIN, HEAD, retry=True)


def test_the_pending_release_may_be_written_again_and_another_with_its_index_may_not() -> None:
    chain = KeyChain(2, HEAD, pending=release(6))
    judge_install(chain, release(6))
    judge_install(chain, release(7))
    with refused(Code.EQUIVOCATION):
        judge_install(chain, release(6, variant=1))


def test_what_is_older_than_the_pending_release_is_refused() -> None:
    with refused(Code.ROLLBACK):
        judge_install(KeyChain(2, HEAD, pending=release(7)), release(6))


def test_a_pending_release_whose_slot_is_right_is_not_written_again() -> None:
    pending = release(6)
    with refused(Code.ALREADY_INSTALLED):
        judge_install(KeyChain(2, HEAD, pending, installed=pending.manifest_digest), pending)


def test_a_release_that_failed_is_tried_again_only_when_asked() -> None:
    failed = release(6)
    chain = KeyChain(2, HEAD, failed=frozenset({failed.manifest_digest}), installed=failed.manifest_digest)
    with refused(Code.PREVIOUSLY_FAILED):
        judge_install(chain, failed)
    judge_install(chain, failed, retry=True)


def test_a_retry_opens_no_way_back() -> None:
    old = release(4)
    chain = KeyChain(2, HEAD, failed=frozenset({old.manifest_digest}))
    with refused(Code.ROLLBACK):
        judge_install(chain, old, retry=True)


def test_the_head_of_another_line_does_not_count() -> None:
    judge_install(CHAIN, release(3, line="beta"))


def test_only_what_is_at_or_above_the_floor_boots() -> None:
    judge_boot(5, release(5))
    with refused(Code.SIGNER_SUPERSEDED):
        judge_boot(6, release(5))


def test_confirming_moves_the_head_and_never_lowers_the_floor() -> None:
    chain = KeyChain(4, HEAD, pending=release(6), failed=frozenset({release(6).manifest_digest}))
    after = confirmed(chain, release(6), 3)
    assert after == KeyChain(4, release(6), None, frozenset(), release(6).manifest_digest)
    assert confirmed(chain, release(6), 6).security_floor == 6
    with refused(Code.ROLLBACK):
        confirmed(chain, release(4), 4)


@given(st.integers(1, 12), st.integers(0, 2), st.booleans())
def test_whatever_is_asked_for_nothing_behind_the_head_is_installed(
    index: int, variant: int, retry: bool
) -> None:
    offered = release(index, variant)
    try:
        judge_install(CHAIN, offered, retry=retry)
    except Refusal:
        return
    assert index > HEAD.index or offered == HEAD


def digest(head: ChainHead | None) -> bytes | None:
    return None if head is None else head.manifest_digest


class Life(RuleBasedStateMachine):
    """A device that is offered releases, confirms some and fails others, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.chain = KeyChain(0)
        self.confirmed: list[ChainHead] = []

    @rule(index=st.integers(1, 9), variant=st.integers(0, 1), retry=st.booleans())
    def offer(self, index: int, variant: int, retry: bool) -> None:
        try:
            judge_install(self.chain, release(index, variant), retry=retry)
        except Refusal:
            return
        failed = self.chain.failed - {release(index, variant).manifest_digest}
        head, floor = self.chain.head, self.chain.security_floor
        self.chain = KeyChain(floor, head, release(index, variant), failed, digest(head))

    @precondition(lambda self: self.chain.pending is not None)
    @rule(floor=st.integers(0, 9))
    def confirm(self, floor: int) -> None:
        pending = self.chain.pending
        assert pending is not None
        self.chain = confirmed(self.chain, pending, min(floor, pending.index))
        self.confirmed.append(pending)

    @precondition(lambda self: self.chain.pending is not None)
    @rule()
    def fail(self) -> None:
        pending, head = self.chain.pending, self.chain.head
        assert pending is not None
        failed = self.chain.failed | {pending.manifest_digest}
        self.chain = KeyChain(self.chain.security_floor, head, None, failed, digest(head))

    @invariant()
    def the_confirmed_releases_only_rise(self) -> None:
        indexes = [entry.index for entry in self.confirmed]
        assert indexes == sorted(indexes)
        assert len(set(indexes)) == len({entry.manifest_digest for entry in self.confirmed})

    @invariant()
    def the_head_boots(self) -> None:
        if self.chain.head is not None:
            judge_boot(self.chain.security_floor, self.chain.head)


TestLife = Life.TestCase
