-- What has each buyer spent, and how long are they silent? One row per buyer.
-- $as_of: what happened later is not counted    $zone: says where a day begins
-- $currency: of amounts that name none
with

sold as (
    select *, coalesce(currency, $currency) as money, local_day(ordered_at, $zone) as day
    from sales where ordered_at <= $as_of::timestamp
)

select customer_id, count(*) filter (purchase) as orders, sum(amount)::double as revenue,
    local_day($as_of, $zone) - max(day) filter (purchase) as silence,
    (select string_agg(distinct money, ', ' order by money) from sold where amount is not null)
        as currency
from sold
group by customer_id having orders > 0
order by customer_id
