-- How often has everyone bought before a day, and how often since? One row per kind of customer.
-- $as_of: what happened later is not counted    $zone: the time zone that says where a day begins
-- $holdout_days: how many days are kept for the check; null: a third of those there are
with

days as (
    -- several orders of one day are one purchase; a cancelled order or a refund is none
    select distinct customer_id, local_day(ordered_at, $zone) as day
    from sales join people using (customer_id)
    where purchase and known and ordered_at <= $as_of::timestamp
),

span as (
    select local_day($as_of, $zone) as today,
        coalesce($holdout_days, (today - min(day)) // 3)::bigint as holdout_days,
        today - holdout_days::integer as split
    from days
),

buyers as (
    select customer_id, holdout_days,
        count(*) filter (day <= split) - 1 as repeats,
        (max(day) filter (day <= split) - min(day)) / 7.0::double as last,
        (split - min(day)) / 7.0::double as age,
        count(*) filter (day > split) as later
    from days cross join span
    group by customer_id, split, holdout_days
)

select repeats, last, age, later, holdout_days, count(*) as customers
from buyers
where repeats >= 0
group by all
order by repeats, last, age, later
