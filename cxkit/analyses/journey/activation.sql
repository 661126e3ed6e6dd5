-- What did each new customer do after the first purchase, and what was sent to them? One row each.
-- $action: touchpoints of the key action; empty: the second order    $as_of: the end of the data
-- $contact_days: what was sent within so many days of the first purchase
-- $zone: says where a day begins
with

bought as (
    select customer_id, ordered_at, min(ordered_at) over (partition by customer_id) as first_at
    from sales where purchase and ordered_at <= $as_of::timestamp
),

firsts as (
    select customer_id, first_at,
        -- several orders of one day are one purchase
        min(ordered_at) filter (local_day(ordered_at, $zone) > local_day(first_at, $zone))
            as second_at
    from bought group by customer_id, first_at
),

acted as (
    select customer_key, min(occurred_at) as acted_at
    from timeline join people using (customer_key) join firsts using (customer_id)
    where occurred_at > first_at and occurred_at <= $as_of::timestamp
        and list_contains($action::varchar[], touchpoint::varchar)
    group by customer_key
),

sent as (
    select customer_id, sent_at as at_time, case when automatic then 'automatic message'
        when purpose = 'ask' then 'message that asks' when purpose = 'give' then 'message that gives'
        else 'message' end as kind
    from messages where direction = 'out'
    union all
    select customer_id, contacted_at, coalesce(kind, 'outreach') from outreach
    union all
    -- an invitation to the very step that is looked for says nothing
    select customer_id, invited_at, 'survey' from feedback
    where not list_contains($action::varchar[], 'feedback given')
),

contacts as (
    select customer_id, list_sort(list(distinct kind)) as kinds
    from sent join firsts using (customer_id)
    where at_time > first_at and at_time <= least(first_at + to_days($contact_days), $as_of::timestamp)
    group by customer_id
)

select customer_key, first_at,
    case when len($action::varchar[]) = 0 then second_at else acted_at end as acted_at, second_at,
    coalesce(array_to_string(kinds, '|'), '') as kinds,
    -- before the data begin there may have been earlier purchases
    coalesce(local_day(known_since, $zone) < (
        select local_day(min(ordered_at), $zone) from orders
    ), false) as known_before
from firsts
join people using (customer_id)
left join customers using (customer_id)
left join contacts using (customer_id)
left join acted using (customer_key)
order by customer_key
