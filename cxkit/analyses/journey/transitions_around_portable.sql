-- What are the three steps after, or before, each passage of one touchpoint? One row per step and
-- pair; on any engine, whatever the order.
-- $spot: the touchpoint or stage    $way: 1 for the steps after it, -1 for those before
-- $of: 'touchpoint' or 'stage'    $unit: 'customer', or 'session' for steps within one visit
-- $after, $as_of: what happened at or before the one, or after the other, is not counted
with

placed as (
    select
        customer_key,
        epoch_us(occurred_at) as us,
        case $of when 'stage' then stage::varchar else touchpoint::varchar end as place,
        row_number() over one as row_no,
        epoch_us(occurred_at) - lag(epoch_us(occurred_at)) over one > 1800000000 as new_session
    from timeline
    where touchpoint is not null
        and occurred_at <= $as_of::timestamp
        and ($after::timestamp is null or occurred_at > $after::timestamp)
        and ($unit = 'customer' or source = 'events')
    window one as (partition by customer_key order by occurred_at, rank, touchpoint::varchar)
),

numbered as (
    select customer_key, us, place, row_no,
        count(case when new_session and $unit = 'session' then 1 end) over (
            partition by customer_key order by row_no
            rows between unbounded preceding and current row
        ) as session_no
    from placed
),

trails as (
    select
        customer_key, place, us,
        lead(place, 1) over one as place_1, lead(us, 1) over one as us_1,
        lead(place, 2) over one as place_2, lead(us, 2) over one as us_2,
        lead(place, 3) over one as place_3, lead(us, 3) over one as us_3
    from numbered
    window one as (partition by customer_key, session_no order by $way * row_no)
),

steps as (
    select customer_key, 1 as step, place as near, place_1 as far, abs(us_1 - us) as gap from trails
    where place = $spot
    union all
    select customer_key, 2, place_1, place_2, abs(us_2 - us_1) from trails
    where place = $spot and place_1 is not null
    union all
    select customer_key, 3, place_2, place_3, abs(us_3 - us_2) from trails
    where place = $spot and place_2 is not null
)

select
    step, near, far, count(*) as steps,
    quantile_disc(gap, 0.5) as median_gap, quantile_disc(gap, 0.9) as p90_gap,
    count(distinct customer_key) as people
from steps
group by step, near, far
order by step, near, far nulls first
