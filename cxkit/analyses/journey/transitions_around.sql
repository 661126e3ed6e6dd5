-- What are the three steps after, or before, each passage of one touchpoint? One row per step and
-- pair, of the rows in the order in which they are stored.
-- $spot: the touchpoint or stage    $way: 1 for the steps after it, -1 for those before
-- $of: 'touchpoint' or 'stage'    $unit: 'customer', or 'session' for steps within one visit
-- $after, $as_of: what happened at or before the one, or after the other, is not counted
with

placed as (
    select customer_key, epoch_us(occurred_at) as us,
        case $of when 'stage' then enum_code(stage) else enum_code(touchpoint) end as place
    from timeline
    where
        touchpoint is not null and occurred_at <= $as_of::timestamp
        and ($after::timestamp is null or occurred_at > $after::timestamp)
        and ($unit = 'customer' or source = 'events')
),

one as (
    select place, if(near, beside, null) as place_1, if(near, gap, null) as gap_1
    from (
        select place, lead(place, $way) over () as beside,
            abs(lead(us, $way) over () - us) as gap,
            lead(customer_key, $way) over () = customer_key
                and ($unit = 'customer' or gap <= 1800000000) as near
        from placed
    )
),

two as (
    select *, if(place_1 is null, null, lead(place_1, $way) over ()) as place_2,
        if(place_1 is null, null, lead(gap_1, $way) over ()) as gap_2
    from one
),

three as (
    select *, if(place_2 is null, null, lead(place_2, $way) over ()) as place_3,
        if(place_2 is null, null, lead(gap_2, $way) over ()) as gap_3
    from two
),

known as (
    select case $of when 'stage' then enum_range(null::stage_name)::varchar[]
        else enum_range(null::touchpoint_name)::varchar[] end as name
),

steps as (
    select unnest([1, 2, 3]) as step,
        unnest([place, place_1, place_2]) as near, unnest([place_1, place_2, place_3]) as far,
        unnest([gap_1, gap_2, gap_3]) as gap
    from three
    where place = (select list_position(name, $spot) - 1 from known)
)

select
    step, name[near + 1] as near, name[far + 1] as far, count(*) as steps,
    quantile_disc(gap, 0.5) as median_gap, quantile_disc(gap, 0.9) as p90_gap
from steps cross join known
where near is not null
group by all
order by step, near, far nulls first
