-- After how long does one follow the other? One row per pair, of the rows in the order in which
-- they are stored.
-- $of: 'touchpoint' or 'stage'    $unit: 'customer', or 'session' for steps within one visit
-- $after, $as_of: what happened at or before the one, or after the other, is not counted
with

placed as (
    select
        customer_key,
        epoch_us(occurred_at) as us,
        case $of when 'stage' then enum_code(stage) else enum_code(touchpoint) end as place
    from timeline
    where
        touchpoint is not null
        and occurred_at <= $as_of::timestamp
        and ($after::timestamp is null or occurred_at > $after::timestamp)
        and ($unit = 'customer' or source = 'events')
),

passed as (
    select
        place,
        lag(place) over () as place_before,
        us - lag(us) over () as gap,
        customer_key,
        lag(customer_key) over () as customer_before
    from placed
),

timed as (
    select place_before, place, quantile_disc(gap, [0.5, 0.9]) as gaps
    from passed
    where customer_key = customer_before and ($unit = 'customer' or gap <= 1800000000)
    group by all
),

known as (
    select case $of
        when 'stage' then enum_range(null::stage_name)::varchar[]
        else enum_range(null::touchpoint_name)::varchar[]
    end as name
)

select
    name[place_before + 1] as here,
    name[place + 1] as next,
    gaps[1] as median_gap,
    gaps[2] as p90_gap
from timed cross join known
order by here, next
