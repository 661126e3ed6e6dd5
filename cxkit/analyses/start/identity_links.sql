-- Who may be one person under two ids? One row per proposed link, most points first.
-- $as_of: what happened later is not counted
with

purchases as (
    select customer_id, count(*) as orders
    from sales where purchase and ordered_at <= $as_of::timestamp group by customer_id
),

lives as (
    select customer_id, coalesce(any_value(orders), 0) as orders,
        count(timeline.customer_key) as touchpoints
    from people
    left join purchases using (customer_id)
    left join timeline
        on timeline.customer_key = people.customer_key and occurred_at <= $as_of::timestamp
    semi join (
        select customer_id from proposed_links union select other_id from proposed_links
    ) as linked on linked.customer_id = people.customer_id
    group by customer_id
)

select
    links.customer_id,
    other_id,
    score,
    reasons,
    name,
    other_name,
    one.orders,
    other.orders as other_orders,
    one.touchpoints,
    other.touchpoints as other_touchpoints,
    case
        when one.orders > 0 and other.orders > 0 then 'two buyers become one'
        when one.orders + other.orders > 0 then 'a prospect turns out to be a buyer'
        else 'two prospects become one'
    end as merge_changes
from proposed_links as links
join lives as one on one.customer_id = links.customer_id
join lives as other on other.customer_id = links.other_id
order by score desc, customer_id, other_id
