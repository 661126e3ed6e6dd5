-- How long after becoming known did each person first buy? One row per known person.
-- $as_of: what happened later is not counted    $zone: says where a day begins
-- $by: channel or touchpoint with which they became known, a field of customers, or 'all'
with

first_orders as (
    select customer_id, min(ordered_at) as ordered_at
    from orders where ordered_at <= $as_of::timestamp group by customer_id
),

first_purchases as (
    select customer_id, min(ordered_at) as bought_at
    from sales where purchase and ordered_at <= $as_of::timestamp group by customer_id
),

firsts as (
    select customer_key, min(occurred_at) as first_seen,
        arg_min(
            {'channel': channel::varchar, 'touchpoint': touchpoint::varchar},
            {'at': occurred_at, 'rank': rank, 'what': touchpoint, 'case': case_id, 'where': channel}
        ) as first_touch
    from timeline group by customer_key
),

persons as (
    select customer_key, customer_id, region, source, preferred_channel, attributes, first_touch,
        least(known_since, first_seen) as known_at,
        local_day(known_at, $zone) as known_day, local_day(first_seen, $zone) as seen_day,
        local_day(ordered_at, $zone) as ordered_day, local_day(bought_at, $zone) as bought_day,
        local_day($as_of, $zone) as last_day,
        -- before the first order in the data nobody can be seen to buy
        (select local_day(min(ordered_at), $zone) from orders) as first_order_day
    from people left join customers using (customer_id) left join firsts using (customer_key)
    left join first_orders using (customer_id) left join first_purchases using (customer_id)
    where known and coalesce(least(known_since, first_seen) <= $as_of::timestamp, true)
),

twins as (
    -- whoever looks like one person with somebody known before is no new prospect
    select distinct if((one.known_at, one.customer_id) > (other.known_at, other.customer_id),
        one.customer_key, other.customer_key) as customer_key
    from proposed_links as links
    join persons as one on one.customer_id = links.customer_id
    join persons as other on other.customer_id = links.other_id
    where one.known_at is not null and other.known_at is not null
)

select
    customer_key,
    coalesce(case $by
        -- what came after they were known must not say which group they were in from the start
        when 'channel' then if(seen_day <= known_day, first_touch.channel, null)
        when 'touchpoint' then if(seen_day <= known_day, first_touch.touchpoint, null)
        else customer_field($by, region, source, preferred_channel, attributes)
    end, 'missing') as segment,
    coalesce(source, 'missing') as source,
    case
        when known_day is null then 'undated'
        when customer_key in (select customer_key from twins) then 'twin'
        when bought_day <= known_day then 'bought at once'
        when ordered_day <= known_day then 'ordered at once'
        when known_day < first_order_day then 'known before' else 'prospect'
    end as kind,
    coalesce(bought_day, last_day) - known_day as days,
    bought_day is not null as bought
from persons
order by customer_key
