-- How many visits are there of each size and length? One row per segment of their first touchpoint,
-- size and length (in microseconds), of the rows in the order in which they are stored.
-- $by: 'channel', 'device' or 'all'    $gap: the silence that ends a visit, in microseconds
-- $as_of: what happened later is left out    $first, $last: the people to look at
with

placed as (
    select customer_key, epoch_us(occurred_at) as us,
        case $by when 'channel' then enum_code(channel) when 'device' then enum_code(device) end
            as segment
    from timeline
    where
        touchpoint is not null
        and customer_key between $first and $last
        and occurred_at <= $as_of::timestamp
        and source = 'events'
),

begun as (
    select segment, us,
        customer_key is distinct from lag(customer_key) over () or us - lag(us) over () > $gap
            as first
    from placed
),

-- the first and the last row of each visit of two rows or more, in turn
ends as (
    select segment, first, lead(row_no) over () - row_no + 1 as size, lead(us) over () - us as length
    from (select *, row_number() over () as row_no, lead(first, 1, true) over () as last from begun)
    where first <> last
),

longer as (
    select segment, size, length, count(*) as visits from ends where first group by all
),

kinds as (
    select * from longer
    union all
    select heads.segment, 1, 0, heads.visits - coalesce(sum(longer.visits), 0)
    from (select segment, count(*) as visits from begun where first group by segment) as heads
    left join longer on longer.segment is not distinct from heads.segment
    group by heads.segment, heads.visits
)

select
    case $by when 'all' then 'all' else coalesce(case $by
        when 'channel' then enum_range(null::channel_name)::varchar[]
        else enum_range(null::device_name)::varchar[] end[segment + 1], 'missing') end as segment,
    size::bigint as size,
    length::bigint as length,
    visits::bigint as visits
from kinds
where visits > 0
order by all
