-- What has each buyer spent, and how long are they silent? One row per buyer.
-- $as_of: what happened later is not counted    $zone: says where a day begins
-- $currency: of amounts that name none
with

sales as (
    select *, coalesce(amount >= 0, true) as bought, coalesce(currency, $currency) as money,
        (ordered_at at time zone 'UTC' at time zone $zone)::date as day
    from orders
    where not coalesce(cancelled, false) and ordered_at <= $as_of::timestamp
)

select customer_id, count(*) filter (bought) as orders, sum(amount)::double as revenue,
    ($as_of::timestamp at time zone 'UTC' at time zone $zone)::date - max(day) filter (bought)
        as silence,
    (select string_agg(distinct money, ', ' order by money) from sales where amount is not null)
        as currency
from sales
group by customer_id having orders > 0
order by customer_id
