-- What do the people of each persona do, and where? One row per persona, kind and item.
-- $ids, $personas: parallel lists: who is which persona    $zone: says which hour and day it was
-- $told, $named: parallel lists: a channel as the exports write it, and its one name
-- $as_of: what happened later is not counted
with

labels as (select unnest($ids::varchar[]) as customer_id, unnest($personas::varchar[]) as persona),
names as (select unnest($told::varchar[]) as told, unnest($named::varchar[]) as named),

bought as (
    select customer_id, product, named as channel,
        ordered_at at time zone 'UTC' at time zone $zone as clock,
        ordered_at > $as_of::timestamp - to_days(365) as this_year,
        min(ordered_at) over () <= $as_of::timestamp - to_days(365) as whole_year
    from sales left join names on told = channel
    where purchase and ordered_at <= $as_of::timestamp
),

asked as (
    select customer_id, topic, named as channel from tickets left join names on told = channel
    where opened_at <= $as_of::timestamp
),

facts as (
    select customer_id, 'buys' as about, product as item from bought
    union all
    select customer_id, 'looks at', topic from events where occurred_at <= $as_of::timestamp
    union all
    select customer_id, 'does', touchpoint::varchar from timeline join people using (customer_key)
    where occurred_at <= $as_of::timestamp
    union all select customer_id, 'asks about', topic from asked
    union all select customer_id, 'orders through', channel from bought
    union all select customer_id, 'asks through', channel from asked
    union all
    select customer_id, 'asks for', named from customers join names on told = preferred_channel
    -- an order at midnight sharp has no time
    union all
    select customer_id, 'hour', (hour(clock) // 3 * 3)::varchar from bought where clock::time > '00:00'
    union all select customer_id, 'weekday', isodow(clock)::varchar from bought
    union all select customer_id, 'season', (month(clock) % 12 // 3)::varchar
    from bought where this_year and whole_year
),

-- each person counts alike: as the shares of their own orders, tickets, visits
parts as (
    select *, times / sum(times) over (partition by customer_id, about) as part
    from (select *, count(*) as times from facts where item is not null group by all)
),

bases as (
    select persona, about, count(distinct customer_id) as base
    from parts join labels using (customer_id) group by all
)

select persona, about, item, base, count(*) as customers, sum(part order by part) as total,
    sum(part * part order by part) as squares
from parts join labels using (customer_id) join bases using (persona, about)
group by all
order by persona, about, item
