-- How often, until when and for how much has everyone bought? One row per customer who ever has.
-- $as_of: what happened later is not counted    $zone: the time zone that says where a day begins
-- $currency: of amounts that name none
with

sold as (
    select *, coalesce(currency, $currency) as money, local_day(ordered_at, $zone) as day
    from sales where ordered_at <= $as_of::timestamp
),

days as (
    -- several orders of one day are one purchase; a refund is none, but lowers the past spend
    select customer_id, day, bool_or(purchase) as purchase,
        nullif(coalesce(sum(amount) filter (purchase), 0), 0) as spent, sum(amount) as net
    from sold group by customer_id, day
),

buyers as (
    select customer_id, count(*) filter (purchase) as purchases,
        min(day) filter (purchase) as first_day, max(day) filter (purchase) as last_day,
        sum(net) as past_spend
    from days group by customer_id
),

-- what the purchases after the first have cost, where an amount above 0 says so; money adds up
-- exactly in any order, which doubles do not
repeats as (
    select customer_id, count(spent) as spend_days,
        sum(spent)::double / nullif(count(spent), 0) as mean_spend
    from days join buyers using (customer_id)
    where purchase and day > first_day
    group by customer_id
)

select
    customer_id, purchases, past_spend,
    purchases - 1 as repeats,
    (last_day - first_day) / 7.0::double as last,
    (local_day($as_of, $zone) - first_day) / 7.0::double as age,
    local_day($as_of, $zone) - last_day as silent_days,
    coalesce(spend_days, 0) as spend_days, mean_spend,
    (select string_agg(distinct money, ', ' order by money) from sold where amount is not null) as currency
from buyers
join people using (customer_id)
left join repeats using (customer_id)
where known and purchases > 0
order by customer_id
