"""Who may be updated at a box: the most specific rule decides, a denial among equals, and both must agree."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.box.rules import Rules, RuleSource, Verdict
from media_format.objects import DeviceKind, Entitlement

PUMP = DeviceKind(product="pump", line="stable", hardware="rev-b")
KINDS = tuple(
    DeviceKind(product=product, line=line, hardware=hardware)
    for product, line, hardware in itertools.product(
        ("pump", "valve"), ("stable", "beta"), ("rev-a", "rev-b")
    )
)
IDS = {length: ["".join(letters) for letters in itertools.product("09A", repeat=length)] for length in (1, 2)}


def judged(*own: Entitlement, vendor: tuple[Entitlement, ...] | None = None, default: bool = True) -> Verdict:
    return Rules(own, vendor, default).judge("pump-17", PUMP)


def yes(**selectors: Any) -> Entitlement:
    return Entitlement(allowed=True, **selectors)


def no(**selectors: Any) -> Entitlement:
    return Entitlement(allowed=False, **selectors)


# The rules against a model that knows nothing of them but what the documentation says


@st.composite
def entries(draw: st.DrawFn) -> Entitlement:
    """A rule about a few products, lines, kinds of hardware and ids, so that many fit and many contradict."""
    ids = IDS[draw(st.sampled_from((1, 2)))]
    ends = draw(st.none() | st.tuples(st.sampled_from(ids), st.sampled_from(ids)))
    first, last = sorted(ends) if ends else (None, None)
    named = {"product": ("pump", "valve"), "line": ("stable", "beta"), "hardware": ("rev-a", "rev-b")}
    kind: dict[str, Any] = {name: draw(st.none() | st.sampled_from(values)) for name, values in named.items()}
    if ends is None and not any(kind.values()):
        kind["product"] = "pump"
    return Entitlement(allowed=draw(st.booleans()), first=first, last=last, **kind)


def model(rules: tuple[Entitlement, ...], device_id: str, kind: DeviceKind, otherwise: bool) -> bool:
    """Keep what fits; narrow it by each selector in turn; a denial among what is left decides."""
    left = [rule for rule in rules if device_id in model_ids(rule)]
    for name in ("product", "line", "hardware"):
        left = [rule for rule in left if getattr(rule, name) in (None, getattr(kind, name))]
    if not left:
        return otherwise
    narrower = [
        [rule for rule in left if rule.first is not None and rule.first == rule.last],
        [rule for rule in left if rule.first is not None],
        *([rule for rule in left if getattr(rule, name)] for name in ("hardware", "line", "product")),
    ]
    for group in narrower:
        left = [rule for rule in left if rule in group] or left
    return all(rule.allowed for rule in left)


def model_ids(rule: Entitlement) -> list[str]:
    """Every id that a rule fits, written out."""
    if rule.first is None or rule.last is None:
        return IDS[1] + IDS[2]
    ids = IDS[len(rule.first)]
    return ids[ids.index(rule.first) : ids.index(rule.last) + 1]


@given(
    own=st.lists(entries(), max_size=8).map(tuple),
    vendor=st.none() | st.lists(entries(), min_size=1, max_size=8).map(tuple),
    default=st.booleans(),
    device_id=st.sampled_from(IDS[1] + IDS[2]),
    kind=st.sampled_from(KINDS),
)
def test_a_device_is_allowed_where_the_model_allows_it(
    own: tuple[Entitlement, ...],
    vendor: tuple[Entitlement, ...] | None,
    default: bool,
    device_id: str,
    kind: DeviceKind,
) -> None:
    expected = model(own, device_id, kind, default)
    if vendor is not None:
        expected = expected and model(vendor, device_id, kind, False)
    assert Rules(own, vendor, default).judge(device_id, kind).allowed == expected


@given(rules=st.lists(entries(), min_size=2, max_size=6), data=st.data())
def test_the_order_of_the_rules_does_not_matter(rules: list[Entitlement], data: st.DataObject) -> None:
    other = data.draw(st.permutations(rules))
    verdicts = [Rules(tuple(order), None, True).judge("0", PUMP).allowed for order in (rules, other)]
    assert verdicts[0] == verdicts[1]


# What a person is told


@pytest.mark.parametrize(
    ("rules", "reason"),
    [
        ([no(product="pump")], "the box's rule 'deny product pump' decides: the only one that fits"),
        (
            [yes(product="pump"), no(first="pump-10", last="pump-20"), no(product="valve")],
            "the box's rule 'deny devices pump-10 to pump-20' decides: the most specific of 2 that fit",
        ),
        (
            [yes(first="pump-10", last="pump-20"), no(first="pump-17", last="pump-18")],
            "the box's rule 'deny devices pump-17 to pump-18' decides: the most specific of 2 that fit, "
            "and a denial among equals",
        ),
        (
            [no(first="pump-17", last="pump-17", hardware="rev-b")],
            "the box's rule 'deny hardware rev-b, device pump-17' decides: the only one that fits",
        ),
    ],
)
def test_the_rule_that_denies_is_named_and_why_it_decides(rules: list[Entitlement], reason: str) -> None:
    verdict = judged(*rules)
    assert not verdict.allowed
    assert verdict.reason == reason


def test_where_no_rule_fits_the_default_is_named() -> None:
    assert judged(no(product="valve")).allowed
    verdict = judged(yes(product="valve"), default=False)
    assert not verdict.allowed
    assert verdict.reason == "no rule of the box fits it, and the box denies such devices"


def test_the_box_cannot_allow_what_the_vendor_does_not() -> None:
    verdict = judged(yes(first="pump-17", last="pump-17"), vendor=(yes(product="valve"),))
    assert not verdict.allowed
    assert verdict.reason == "the vendor's list does not name it"


def test_the_vendor_cannot_allow_what_the_box_does_not() -> None:
    verdict = judged(no(product="pump"), vendor=(yes(first="pump-17", last="pump-17"),))
    assert not verdict.allowed
    assert verdict.box.rule is not None
    assert verdict.box.rule.source is RuleSource.BOX
    assert verdict.vendor is not None and verdict.vendor.allowed
    assert "vendor" not in verdict.reason


def test_where_both_deny_both_are_named() -> None:
    verdict = judged(no(product="pump"), vendor=(no(line="stable"),))
    assert verdict.reason == (
        "the box's rule 'deny product pump' decides: the only one that fits; "
        "the vendor's rule 'deny line stable' decides: the only one that fits"
    )


def test_a_list_shows_each_rule_with_its_source() -> None:
    rules = Rules((no(product="pump"),), (yes(hardware="rev-b"),), True)
    assert [(rule.source, rule.text) for rule in rules.listed()] == [
        ("box", "deny product pump"),
        ("vendor", "allow hardware rev-b"),
    ]
