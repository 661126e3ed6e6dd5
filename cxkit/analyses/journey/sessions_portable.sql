-- How many visits are there of each size and length? One row per segment of their first touchpoint,
-- size and length (in microseconds); on any engine, whatever the order.
-- $by: 'channel', 'device' or 'all'    $gap: the silence that ends a visit, in microseconds
-- $as_of: what happened later is left out    $first, $last: the people to look at
with

placed as (
    select
        customer_key, epoch_us(occurred_at) as us,
        case $by
            when 'all' then 'all' when 'channel' then coalesce(channel::varchar, 'missing')
            when 'device' then coalesce(device::varchar, 'missing')
        end as segment,
        row_number() over one as row_no,
        epoch_us(occurred_at) - lag(epoch_us(occurred_at)) over one > $gap as new_session
    from timeline
    where
        touchpoint is not null
        and customer_key between $first and $last
        and occurred_at <= $as_of::timestamp
        and source = 'events'
    window one as (
        partition by customer_key
        order by occurred_at, rank, touchpoint::varchar, case_id, channel::varchar, device::varchar
    )
),

numbered as (
    select *,
        count(case when new_session then 1 end) over (
            partition by customer_key order by row_no
            rows between unbounded preceding and current row
        ) as session_no
    from placed
),

visits as (
    select
        max(case when place = 1 then segment end) as segment, count(*) as size,
        max(us) - min(us) as length
    from (
        select *,
            row_number() over (partition by customer_key, session_no order by row_no) as place
        from numbered
    )
    group by customer_key, session_no
)

select segment, size, length, count(*) as visits
from visits
group by segment, size, length
order by segment, size, length
