"""The made-up company: its calendar, its sizes, and every effect that is planted in it."""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import numpy as np

from cxkit.demo.draws import Ints

NAME = "Brindlewick"
FIRST_DAY = date(2024, 7, 1)  # a Monday: day 0 and the first day of week 1
WEEKS = 104
DAYS = 7 * WEEKS  # the last day is Sunday 2026-06-28
DAY = 86_400  # seconds
END = DAYS * DAY - 1  # the last second that an export can hold, local time
ZONE = "Europe/Berlin"

# When clocks change in the company's zone: the last Sundays of March and October.
_SUMMER_TIME = (
    (datetime(2024, 3, 31, 2), datetime(2024, 10, 27, 3)),
    (datetime(2025, 3, 30, 2), datetime(2025, 10, 26, 3)),
    (datetime(2026, 3, 29, 2), datetime(2026, 10, 25, 3)),
)

# Where the calendar months of the data begin, as day numbers; 25 edges for 24 months.
MONTH_EDGES = np.array(
    [(date(2024 + (6 + m) // 12, (6 + m) % 12 + 1, 1) - FIRST_DAY).days for m in range(24)] + [DAYS]
)


@dataclass(frozen=True)
class Profile:
    """How large the company is."""

    buyers: int
    prospects: int
    scale: float  # every other size is that of the full profile times this

    def size(self, full: float) -> int:
        """Scale a size of the full profile."""
        return round(full * self.scale)


PROFILES = {
    "full": Profile(buyers=4500, prospects=1500, scale=1.0),
    "small": Profile(buyers=450, prospects=150, scale=0.1),
}

PERSONAS = ("planner", "bargain hunter", "evening browser", "enthusiast")
FEATURES = (
    "Basket EUR",
    "Pages per visit",
    "Mobile share",
    "Evening share",
    "Discount share",
    "Returns share",
)


@dataclass(frozen=True)
class Effects:
    """Every planted effect, by its number in the list of truths."""

    # T01 personas: shares, and how far a group stands from the middle in each feature (in sd)
    persona_shares: tuple[float, ...] = (0.40, 0.27, 0.21, 0.12)
    separation: tuple[float, ...] = (1.3, 1.2, 1.1, 1.2, 1.3, 1.0)
    # T02 the null company: the same covariance in one cloud
    personas_exist: bool = True
    # T03 the broken mobile checkout
    mobile_checkout: float = 0.55
    mobile_checkout_broken: float = 0.30
    broken_weeks: tuple[int, int] = (30, 36)
    desktop_checkout: float = 0.60
    # T04 sessions a week by half-year and device; conversion falls by this many points in all
    mobile_sessions: tuple[int, ...] = (130, 130, 130, 130)
    desktop_sessions: tuple[int, ...] = (40, 80, 120, 160)
    conversion_fall: float = 0.02
    # T05 and T06 "double charge"
    double_charge_weeks: tuple[int, int] = (40, 52)
    double_charge_rate: float = 0.286  # exposures a week of an exposed, active customer
    double_charge_continues: float = 0.70  # of that rate after the logged fix in week 53
    voice_share: float = 0.35
    voice_tires: float = 0.75  # of later exposures that a complainer still reports after the fix
    resolved_share: float = 0.60
    silent_hazard: float = 0.030  # weekly chance to leave for good, as a rate
    unresolved_hazard: float = 0.040
    resolved_hazard: float = 0.010
    base_hazard: float = 0.009
    # visits that meet a glitch end there: since week 40 fewer visits of the app go on
    glitches_are_visits: bool = True
    # T07 "coupon rejected" is truly fixed in week 60
    coupon_weeks: tuple[int, int] = (44, 59)
    coupon_rate: float = 0.25
    coupon_continues: float = 0.15
    # T08 revenue index: month by month
    opening_monthly: float = -0.035
    newcomer_monthly: float = -0.02
    acquisition: tuple[float, float] = (3.0, 0.1)
    # T09 escalations; T10 agents do not matter
    refund_over_20_escalated: float = 0.30
    other_escalated: float = 0.06
    granted_after_escalation: float = 0.71
    # T11 mean days between purchases, by persona
    gaps: tuple[float, ...] = (30.0, 90.0, 45.0, 18.0)
    # T12 customers who came back after a silence longer than this
    returned_share: float = 0.06
    lapse_days: int = 180
    # T13 duplicates and decoys, as shares of the known people
    duplicate_share: float = 0.08
    decoy_share: float = 0.02
    # T14 contacts of existing customers that arrive as strangers
    stranger_chat: float = 0.52
    stranger_phone: float = 0.20
    stranger_web: float = 0.31
    # T15 drivers of satisfaction
    driver_weights: tuple[float, float, float] = (0.5, 0.3, 0.2)
    halo: float = 0.5
    # T16 true shares of promoters, passives, detractors; how much likelier promoters answer
    nps_shares: tuple[float, float, float] = (0.42, 0.28, 0.30)
    promoters_answer: float = 1.6
    # T17 one-way talk
    ask_messages: int = 18_800
    give_messages: int = 450
    never_answered: float = 0.23
    reply_median_hours: float = 9.0
    # T18 the random outreach trial
    outreach_base: float = 0.12
    outreach_uplift: float = 0.04
    # T20 dirt
    dirt: bool = True
    # T21 "login loop": tickets and comments a week from week 70
    loop_tickets: tuple[int, ...] = (8, 14, 19, 25, 30, 22, 15, 10, 7, 4, 3, 2)
    loop_comments: tuple[int, ...] = (5, 8, 11, 15, 18, 13, 9, 6, 4, 3, 2, 1)
    loop_week: int = 70
    # T22 drift to the bargain hunters in the last half-year, as a share of those active in it
    drift: float = 0.04
    # T23 satisfaction after a good recovery, in points of the mean; no effect on buying
    recovery_lift: float = 0.6
    # T24 each team that a request is passed on to multiplies the time that it is worked on
    handoff_slows: float = 1.5
    # T25 each point of satisfaction that is missing multiplies the odds of telling of delivery
    delivery_weighs: float = 1.6


PLANTED = Effects()

# The null company: the same shape, nothing to find.
NULL = replace(
    PLANTED,
    personas_exist=False,
    mobile_checkout_broken=0.55,
    desktop_sessions=(100, 100, 100, 100),
    conversion_fall=0.0,
    double_charge_continues=1.0,
    glitches_are_visits=False,
    voice_tires=1.0,
    silent_hazard=0.002,
    unresolved_hazard=0.002,
    resolved_hazard=0.002,
    base_hazard=0.002,
    coupon_rate=0.15,
    coupon_continues=1.0,
    opening_monthly=0.0,
    newcomer_monthly=0.0,
    acquisition=(1.0, 0.0),
    refund_over_20_escalated=0.08,
    other_escalated=0.08,
    gaps=(60.0, 60.0, 60.0, 60.0),
    returned_share=0.0,
    duplicate_share=0.0,
    decoy_share=0.0,
    stranger_chat=0.10,
    stranger_phone=0.10,
    stranger_web=0.10,
    driver_weights=(0.0, 0.0, 0.0),
    halo=0.0,
    promoters_answer=1.0,
    handoff_slows=1.0,
    delivery_weighs=1.0,
    ask_messages=9_600,
    give_messages=6_000,
    never_answered=0.05,
    outreach_uplift=0.0,
    dirt=False,
    loop_tickets=(),
    loop_comments=(),
    drift=0.0,
    recovery_lift=0.0,
)


def index_of_month(effects: Effects, month: int) -> tuple[float, float]:
    """Return the revenue index (opening customers, newcomers) of month 1, 2 … 24 (T08).

    >>> [round(sum(index_of_month(PLANTED, month)), 1) for month in (12, 24)]
    [104.8, 126.0]
    """
    newcomers = 0.0
    for m in range(1, month + 1):
        gained = effects.acquisition[0] + effects.acquisition[1] * m
        newcomers = newcomers * (1 + effects.newcomer_monthly) + gained
    return 100.0 * (1 + effects.opening_monthly) ** month, newcomers


def week_of(day: Ints) -> Ints:
    """Weeks are counted from 1."""
    return day // 7 + 1


def first_day_of(week: int) -> int:
    """The day on which a week begins."""
    return 7 * (week - 1)


def month_of(day: Ints) -> Ints:
    """Months are counted from 1: July 2024."""
    return np.searchsorted(MONTH_EDGES, day, side="right").astype(np.int64)


def settle(seconds: Ints) -> Ints:
    """Move local times out of the two hours a year that do not exist or exist twice."""
    settled = seconds.copy()
    for start, end in _SUMMER_TIME:
        for clock, shift in ((start, 3600), (end - timedelta(hours=1), 3600)):
            first = _seconds(clock)
            settled[(settled >= first) & (settled < first + 3600)] += shift
    return settled


def offset(seconds: Ints) -> Ints:
    """Return the zone's distance from UTC in seconds, for local times since day 0."""
    summer = np.zeros(len(seconds), dtype=bool)
    for start, end in _SUMMER_TIME:
        summer |= (seconds >= _seconds(start)) & (seconds < _seconds(end))
    return np.where(summer, 7200, 3600)


def _seconds(clock: datetime) -> int:
    midnight = datetime(FIRST_DAY.year, FIRST_DAY.month, FIRST_DAY.day)
    return int((clock - midnight).total_seconds())
