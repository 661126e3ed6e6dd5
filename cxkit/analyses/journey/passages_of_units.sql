-- What happened in each session, order or case, and when? One row per dated row that is in one.
-- $unit: 'session', 'order' or 'case'; a session ends with 30 minutes of silence
-- $as_of: what happened later is not counted    $first, $last: the people to look at
with

marked as (
    select
        customer_key, occurred_at, touchpoint, rank,
        case when $unit = 'session' then null else case_id end as case_id,
        -- the company's own messages are no part of a visit
        occurred_at - lag(occurred_at) over one > interval 30 minutes as new_session
    from timeline
    where
        touchpoint is not null
        and customer_key between $first and $last
        and occurred_at <= $as_of::timestamp
        and case $unit
            when 'session' then source = 'events'
            when 'order' then case_id in (select order_id from orders)
            else case_id is not null
        end
    window one as (partition by customer_key order by occurred_at)
),

numbered as (
    select *,
        count(*) filter (new_session and $unit = 'session') over (
            partition by customer_key order by occurred_at
        ) as session_no
    from marked
)

select
    (dense_rank() over (order by customer_key, case_id, session_no) - 1)::integer as who,
    customer_key,
    epoch_us(occurred_at) as at,
    enum_code(touchpoint) as kind
from numbered
order by who, occurred_at, rank, kind
