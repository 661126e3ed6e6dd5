-- How many visits are there, and how long are they? One row per segment of their first touchpoint,
-- of the rows in the order in which they are stored.
-- $by: 'channel', 'device' or 'all'    $gap: the silence that ends a visit, in microseconds
-- $as_of: what happened later is left out
with

placed as (
    select customer_key, epoch_us(occurred_at) as us,
        case $by when 'channel' then enum_code(channel) when 'device' then enum_code(device) end
            as segment
    from timeline
    where touchpoint is not null and occurred_at <= $as_of::timestamp and source = 'events'
),

marked as (
    select row_number() over () as row_no, segment, us, lag(us) over () as us_before,
        customer_key, lag(customer_key) over () as customer_before
    from placed
),

-- the rows at which a visit begins: the row before the next of them ends it
heads as (
    select row_no, us, segment, lead(row_no) over () as next_no, lead(us_before) over () as us_end
    from marked
    where customer_before is distinct from customer_key or us - us_before > $gap
),

kinds as (
    select segment, count(*) as visits,
        coalesce(next_no, (select count(*) + 1 from placed)) - row_no as size,
        coalesce(us_end, (
            select max(us) from placed
            where customer_key = (select max(customer_key) from placed)
        )) - us as length
    from heads
    group by all
),

summed as (
    select *,
        sum(visits) over (partition by segment) as total,
        sum(visits) filter (size > 1) over (partition by segment) as longer,
        sum(visits) over (partition by segment order by size) as up_to_size,
        sum(visits) filter (size > 1) over (partition by segment order by length) as up_to_length
    from kinds
)

select
    case $by when 'all' then 'all' else coalesce(case $by
        when 'channel' then enum_range(null::channel_name)::varchar[]
        else enum_range(null::device_name)::varchar[] end[segment + 1], 'missing') end as segment,
    sum(visits)::bigint as sessions,
    sum(visits * size)::bigint as touchpoints,
    coalesce(sum(visits) filter (size = 1), 0)::bigint as one_touch,
    min(size) filter (2 * up_to_size >= total) as median_touchpoints,
    min(length) filter (size > 1 and 2 * up_to_length >= longer) as median_length,
    min(length) filter (size > 1 and 10 * up_to_length >= 9 * longer) as p90_length
from summed
group by all
order by segment
