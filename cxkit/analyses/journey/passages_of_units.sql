-- What happened in each session, order, case or attempt? One row per dated row that is in one.
-- $unit: a session ends with 30 minutes of silence; an attempt ends where the next one begins, and
-- all of that instant is part of the next
-- $entry: the touchpoints that begin an attempt    $named: whether orders and cases bear their number
-- $as_of: what happened later is not counted    $first, $last: the people to look at
with

marked as (
    select
        customer_key, occurred_at, touchpoint, rank,
        case when $unit in ('order', 'case') then case_id end as case_id,
        case $unit
            when 'session' then
                coalesce(occurred_at - lag(occurred_at) over one > interval 30 minutes, true)
            when 'attempt' then list_contains($entry, touchpoint::varchar)
            else true
        end as begins
    from timeline
    where
        touchpoint is not null
        and customer_key between $first and $last
        and occurred_at <= $as_of::timestamp
        and case $unit
            -- the company's own messages are no part of a visit
            when 'session' then source = 'events'
            when 'attempt' then true
            when 'order' then case_id in (select order_id from orders)
            else case_id is not null
        end
    window one as (partition by customer_key order by occurred_at, rank)
),

numbered as (
    select *,
        case when $unit in ('session', 'attempt') then count(*) filter (begins) over (
            -- rows of one instant belong together, whatever their rank
            partition by customer_key order by occurred_at
        ) end as number
    from marked
)

select
    case when $named then case_id end as case_id,
    (dense_rank() over (order by customer_key, case_id, number) - 1)::integer as who,
    customer_key,
    epoch_us(occurred_at) as at,
    enum_code(touchpoint) as kind
from numbered
where number is null or number > 0
order by who, occurred_at, rank, kind
