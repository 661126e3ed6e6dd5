-- Which first steps are the most frequent? One row per path; on any engine, whatever the order.
-- $of: 'touchpoint' or 'stage'    $unit: 'customer', 'session', 'order' or 'case'
-- $steps: how many    $most: how many paths    $as_of: what happened later is left out
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

steps as (
    select
        customer_key, case_id, session_no, place,
        row_number() over (
            partition by customer_key, case_id, session_no
            order by occurred_at, rank, touchpoint
        ) as step
    from numbered
),

paths as (
    select customer_key, string_agg(place, ' → ' order by step) as path
    from steps
    where step <= $steps
    group by customer_key, case_id, session_no
)

select
    path, count(*) as units, count(distinct if($people, customer_key, null)) as people,
    sum(count(*)) over ()::bigint as base, count(*) over () as different
from paths
group by path
order by units desc, path
limit $most
