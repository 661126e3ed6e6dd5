-- How long after one stage is another passed? One row per passage of the start that counts.
-- $start, $end: the touchpoints of the two stages
-- $since: what happened before is no start    $as_of: what happened later is not counted
-- $pairs: 'first-first', 'first-firstafter' or 'any-firstafter'
-- $later: the two share a touchpoint, so that the end has to come at a later moment
-- $by: the segment: channel or device of the start, a field of customers, or 'all'
with

marked as (
    select customer_key, occurred_at, channel, device,
        list_contains($start, touchpoint::varchar)
            and ($since::timestamp is null or occurred_at >= $since::timestamp) as starts,
        list_contains($end, touchpoint::varchar) as ends
    from timeline
    where occurred_at <= $as_of::timestamp
        and (list_contains($start, touchpoint::varchar) or list_contains($end, touchpoint::varchar))
),

moments as (
    -- what happens at one instant counts once
    select customer_key, occurred_at, bool_or(starts) as starts, bool_or(ends) as ends,
        min(case $by when 'channel' then channel::varchar when 'device' then device::varchar end)
            filter (starts) as spot
    from marked
    group by customer_key, occurred_at
),

followed as (
    select *,
        min(occurred_at) filter (starts) over (partition by customer_key) as first_start,
        min(occurred_at) filter (ends) over (partition by customer_key) as first_end,
        min(occurred_at) filter (ends) over from_here as next_end,
        min(occurred_at) filter (ends) over after_here as later_end
    from moments
    window
        from_here as (partition by customer_key order by occurred_at
            rows between current row and unbounded following),
        after_here as (partition by customer_key order by occurred_at
            rows between 1 following and unbounded following)
)

select
    customer_key,
    not known as visitor,
    coalesce(case $by
        when 'channel' then spot when 'device' then spot
        else customer_field($by, region, customers.source, preferred_channel, attributes)
    end, 'missing') as segment,
    occurred_at as started_at,
    case when $pairs = 'first-first' then first_end when $later then later_end else next_end end
        as ended_at,
    date_diff('microsecond', occurred_at, coalesce(ended_at, $as_of::timestamp)) / 86400000000
        as days
from followed
join people using (customer_key)
left join customers using (customer_id)
where starts and ($pairs = 'any-firstafter' or occurred_at = first_start)
order by customer_key, started_at
