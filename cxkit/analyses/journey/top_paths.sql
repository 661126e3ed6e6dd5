-- Which first steps are most frequent? One row per path, of rows in the order in which they are stored.
-- $of: 'touchpoint' or 'stage'    $unit: 'customer', or 'session' for the steps of a visit
-- $steps: how many, 8 at most    $most: how many paths    $as_of: what happened later is left out
-- $people: whether to count the people behind, each once, as a report asks
with

placed as (
    select
        customer_key,
        epoch_us(occurred_at) as us,
        case $of when 'stage' then enum_code(stage) else enum_code(touchpoint) end as place
    from timeline
    where touchpoint is not null and occurred_at <= $as_of::timestamp
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
    select *, least(coalesce(lead(row_no) over () - row_no, 8), $steps) as size
    from ahead
    where customer_before is distinct from customer_key
        or ($unit = 'session' and us - us_before > 1800000000)
),

paths as (
    select
        place as p1, if(size > 1, p2, null) as p2, if(size > 2, p3, null) as p3,
        if(size > 3, p4, null) as p4, if(size > 4, p5, null) as p5, if(size > 5, p6, null) as p6,
        if(size > 6, p7, null) as p7, if(size > 7, p8, null) as p8,
        if($people, customer_key, null) as person, count(*) as units
    from heads group by all
),

ranked as (
    select * exclude (person, units), sum(units)::bigint as units, count(person) as people,
        sum(sum(units)) over ()::bigint as base, count(*) over () as different,
        rank() over (order by sum(units) desc) as best
    from paths group by all
)

select
    array_to_string(list_transform([p1, p2, p3, p4, p5, p6, p7, p8], lambda p: case $of
        when 'stage' then enum_range(null::stage_name)::varchar[]
        else enum_range(null::touchpoint_name)::varchar[] end[p + 1]
    ), ' → ') as path,
    units, people, base, different
from ranked
where best <= $most
order by units desc, path
limit $most
