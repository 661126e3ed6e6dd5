-- What follows what? One row per pair of touchpoints, of the rows in the order in which they are
-- stored.
-- $of: 'touchpoint' or 'stage'    $unit: 'customer', or 'session' for steps within one visit
-- $after, $as_of: what happened at or before the one, or after the other, is not counted
with

passed as (
    select
        touchpoint as next,
        lag(touchpoint) over () as here,
        customer_key,
        lag(customer_key) over () as customer_before,
        epoch_us(occurred_at) as us,
        lag(epoch_us(occurred_at)) over () as us_before
    from timeline
    where
        touchpoint is not null
        and occurred_at <= $as_of::timestamp
        and ($after::timestamp is null or occurred_at > $after::timestamp)
        and ($unit = 'customer' or source = 'events')
),

pairs as (
    select
        -- a row that nothing comes before is counted too: so many passed each touchpoint
        case
            when customer_key = customer_before
                and ($unit = 'customer' or us - us_before <= 1800000000) then here
        end as here,
        next,
        count(*) as steps
    from passed
    group by all
),

names as (
    select distinct touchpoint, stage::varchar as name from timeline where $of = 'stage'
    union all
    select unnest(enum_range(null::touchpoint_name)) as touchpoint, touchpoint::varchar
    where $of <> 'stage'
)

select before.name as here, after.name as next, sum(steps)::bigint as steps
from pairs
left join names as before on before.touchpoint = pairs.here
join names as after on after.touchpoint = pairs.next
group by before.name, after.name
order by here nulls first, next
