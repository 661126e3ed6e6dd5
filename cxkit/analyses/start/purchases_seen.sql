-- What can be seen of purchases at a moment, and what not? One row.
-- $as_of: later purchases are not known yet
-- $zone: says where a day begins
with

purchases as (
    select customer_id, local_day(ordered_at, $zone) as day
    from sales where purchase and ordered_at <= $as_of::timestamp
),

ends as (
    select min(day) as first_day, max(day) as last_day, local_day($as_of, $zone) as today
    from purchases
),

payers as (
    select distinct customer_id from subscriptions where month <= $as_of::timestamp
)

select
    today,
    first_day,
    last_day,
    today - first_day as seen_days,
    today - last_day as silent_days,
    (select count(*) from purchases) as purchases,
    (select count(*) from orders) as orders,
    -- at the pace of the year up to the last purchase
    (select count(*) from purchases where day > last_day - 365)
        / least(365, last_day - first_day + 1) * (today - last_day) as expected,
    (select count(*) from payers anti join purchases using (customer_id)) as subscribers
from ends
order by last_day
