-- Which weeks are compared with which? One row per period: its first and its last Monday.
-- $weeks: weeks in each period    $weeks_back: how many weeks the earlier one lies before the later
-- $zone: where the company is    $as_of: the end of the data
-- $within_days: only weeks are taken that were followed so long
with

newest as (
    -- the Monday of the last week that was followed to its end
    select
        date_trunc('week', local_day($as_of, $zone) - $within_days::integer + 1)::date - 7 as monday
)

select
    period,
    monday - 7 * (back + $weeks::integer - 1) as first_week,
    monday - 7 * back as last_week
from newest, (values ('before', $weeks_back::integer), ('after', 0)) as compared (period, back)
order by first_week
