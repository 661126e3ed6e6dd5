-- What follows what, and after how long? One row per pair; on any engine, whatever the order.
-- $of: 'touchpoint' or 'stage'    $unit: 'customer', or 'session' for steps within one visit
-- $after, $as_of: what happened at or before the one, or after the other, is not counted
with

passed as (
    select
        case $of when 'stage' then stage::varchar else touchpoint::varchar end as next,
        lag(case $of when 'stage' then stage::varchar else touchpoint::varchar end) over one
            as here,
        epoch_us(occurred_at) - lag(epoch_us(occurred_at)) over one as gap
    from timeline
    where
        touchpoint is not null
        and occurred_at <= $as_of::timestamp
        and ($after::timestamp is null or occurred_at > $after::timestamp)
        and ($unit = 'customer' or source = 'events')
    window one as (partition by customer_key order by occurred_at, rank, touchpoint::varchar)
),

steps as (
    select
        case when $unit = 'customer' or gap <= 1800000000 then here end as here,
        next,
        case when $unit = 'customer' or gap <= 1800000000 then gap end as gap
    from passed
)

select
    here,
    next,
    count(*) as steps,
    quantile_disc(gap, 0.5) as median_gap,
    quantile_disc(gap, 0.9) as p90_gap
from steps
group by here, next
order by here nulls first, next
