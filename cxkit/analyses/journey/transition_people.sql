-- Of how many people does one follow the other? One row per pair, without a next one where nothing
-- more came; of the rows in the order in which they are stored.
-- $of: 'touchpoint' or 'stage'    $unit: 'customer', or 'session' for steps within one visit
-- $after, $as_of: what happened at or before the one, or after the other, is not counted
with

passed as (
    select
        case $of when 'stage' then stage::varchar else touchpoint::varchar end as here,
        customer_key,
        if(
            lead(customer_key) over () = customer_key
                and ($unit = 'customer'
                    or epoch_us(lead(occurred_at) over ()) - epoch_us(occurred_at) <= 1800000000),
            lead(case $of when 'stage' then stage::varchar else touchpoint::varchar end) over (),
            null
        ) as next
    from timeline
    where
        touchpoint is not null
        and occurred_at <= $as_of::timestamp
        and ($after::timestamp is null or occurred_at > $after::timestamp)
        and ($unit = 'customer' or source = 'events')
)

select here, next, count(distinct customer_key) as people
from passed
group by here, next
order by here, next nulls last
