-- How many visits did each person make, and how many of one touchpoint? One row per person and
-- segment of their first touchpoint, of the rows in the order in which they are stored.
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
    select customer_key, segment,
        customer_key is distinct from lag(customer_key) over () or us - lag(us) over () > $gap
            as first
    from placed
),

visits as (
    select customer_key, segment, lead(first, 1, true) over () as alone, first from begun
)

select
    case $by when 'all' then 'all' else coalesce(case $by
        when 'channel' then enum_range(null::channel_name)::varchar[]
        else enum_range(null::device_name)::varchar[] end[segment + 1], 'missing') end as segment,
    customer_key, count(*) as visits, count(*) filter (alone) as one_touch
from visits
where first
group by segment, customer_key
order by segment, customer_key
