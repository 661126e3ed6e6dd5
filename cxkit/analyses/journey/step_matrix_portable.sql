-- Where is everybody at their first, second, third ... step? One row per step and place, without a
-- place whoever has ended before; on any engine, whatever the order.
-- $of: 'touchpoint' or 'stage'    $unit: 'customer', 'session', 'order' or 'case'
-- $steps: how many    $as_of: what happened later is left out
-- $people: whether to count the people behind, each once, as a report asks
with

placed as (
    select
        customer_key, occurred_at, rank, touchpoint::varchar as touchpoint,
        case $of when 'stage' then stage::varchar else touchpoint::varchar end as place,
        case when $unit in ('case', 'order') then case_id end as case_id,
        epoch_us(occurred_at) - lag(epoch_us(occurred_at)) over (
            partition by customer_key order by occurred_at
        ) > 1800000000 as new_session
    from timeline
    where
        touchpoint is not null
        and occurred_at <= $as_of::timestamp
        and case $unit
            when 'customer' then true when 'session' then source = 'events'
            when 'order' then case_id in (select order_id from orders)
            else case_id is not null
        end
),

numbered as (
    select *,
        count(case when new_session and $unit = 'session' then 1 end) over (
            partition by customer_key order by occurred_at
        ) as session_no
    from placed
),

walks as (
    select customer_key, list(place order by occurred_at, rank, touchpoint) as places
    from numbered
    group by customer_key, case_id, session_no
),

-- beyond the end of a list there is no place
stepped as (
    select customer_key, step, places[step] as place
    from walks cross join (select unnest(range(1, $steps + 1)) as step)
)

select
    step, place, count(*) as units,
    count(distinct if($people, customer_key, null)) as people
from stepped
group by step, place
order by step, place nulls last
