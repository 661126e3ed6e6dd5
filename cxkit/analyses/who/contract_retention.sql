-- How many contracts renew, the 1st, 2nd … time? One row per renewal.
-- $as_of: what happened later is not counted    $zone: the time zone that says where a month begins
with

paid as (
    select distinct customer_id,
        date_trunc('month', month at time zone 'UTC' at time zone $zone)::date as month
    from subscriptions
    where month <= $as_of::timestamp and amount > 0
),

months as (
    select customer_id, month,
        month - to_months(row_number() over (partition by customer_id order by month)::integer) as run,
        min(month) over (partition by customer_id) as first_month,
        min(month) over () as earliest, max(month) over () as latest
    from paid
),

contracts as (
    -- the first unbroken run of months; who pays again after a gap is not followed further
    select customer_id, first_month = earliest as begun_before, count(*) as paid_months,
        max(month) = latest as running
    from months
    where run = first_month - interval 1 month
    group by customer_id, first_month, earliest, latest
),

renewals as (
    select unnest(range(1, (select coalesce(max(paid_months), 0) + 1 from contracts))) as renewal
)

select renewal,
    count(*) filter (not begun_before and paid_months >= renewal
        and not (running and paid_months = renewal)) as at_risk,
    count(*) filter (not begun_before and paid_months > renewal) as renewed,
    count(*) filter (not begun_before and running and paid_months = renewal + 1) as still,
    count(*) filter (not begun_before) as contracts,
    count(*) filter (begun_before) as begun_before
from renewals cross join contracts
group by renewal
order by renewal
