-- Where is everybody at their first, second, third ... step? One row per step and place, of the
-- rows in the order in which they are stored; without a place whoever has ended before.
-- $of: 'touchpoint' or 'stage'    $unit: 'customer', or 'session' for the steps of a visit
-- $steps: how many, 8 at most    $as_of: what happened later is left out
-- $people: whether to count the people behind, each once, as a report asks
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
        and ($unit = 'customer' or source = 'events')
),

ahead as (
    select
        row_number() over () as row_no,
        customer_key, lag(customer_key) over () as customer_before, us, lag(us) over () as us_before,
        place, lead(place, 1) over () as p2, lead(place, 2) over () as p3,
        lead(place, 3) over () as p4, lead(place, 4) over () as p5, lead(place, 5) over () as p6,
        lead(place, 6) over () as p7, lead(place, 7) over () as p8
    from placed
),

-- the rows at which somebody, or a visit, begins: the next of them ends it
heads as (
    select *, coalesce(lead(row_no) over () - row_no, 8) as size
    from ahead
    where customer_before is distinct from customer_key
        or ($unit = 'session' and us - us_before > 1800000000)
),

stepped as (
    select customer_key, unnest(range(1, $steps + 1)) as step,
        unnest([
            place, if(size > 1, p2, null), if(size > 2, p3, null), if(size > 3, p4, null),
            if(size > 4, p5, null), if(size > 5, p6, null), if(size > 6, p7, null),
            if(size > 7, p8, null)
        ][1 : $steps]) as place
    from heads
)

select
    step,
    case $of when 'stage' then enum_range(null::stage_name)::varchar[]
        else enum_range(null::touchpoint_name)::varchar[] end[place + 1] as place,
    sum(units)::bigint as units,
    count(person) as people
from (
    select step, place, if($people, customer_key, null) as person, count(*) as units
    from stepped group by all
)
group by step, place
order by step, place nulls last
