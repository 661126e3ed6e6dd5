-- How recently, how often and for how much has everyone bought, in fifths? One row per customer.
-- $as_of: what happened later is not counted    $zone: the time zone that says where a day begins
-- $currency: of amounts that name none
with

sold as (
    select *, coalesce(currency, $currency) as money, local_day(ordered_at, $zone) as day
    from sales where ordered_at <= $as_of::timestamp
),

buyers as (
    -- several orders of one day are one purchase; a refund is none, but lowers what was spent
    select customer_id,
        local_day($as_of, $zone) - max(day) filter (purchase) as recency_days,
        count(distinct day) filter (purchase) as purchases,
        if((select count(distinct money) from sold where amount is not null) = 1,
            coalesce(sum(amount), 0), null)::double as spend
    from sold
    join people using (customer_id)
    where known
    group by customer_id
    having count(*) filter (purchase) > 0
),

cuts as (
    select quantile_cont(recency_days, [0.2, 0.4, 0.6, 0.8]) as r,
        quantile_cont(purchases, [0.2, 0.4, 0.6, 0.8]) as f,
        quantile_cont(spend, [0.2, 0.4, 0.6, 0.8]) as m
    from buyers
),

coins as (select if(bool_and(amount = trunc(amount)), 1, 0.01) as coin from sold)

select
    customer_id, recency_days, purchases, spend,
    -- a fifth ends one unit above its quantile (type 7): one day, one purchase, one coin
    5 - len(list_filter(r, lambda cut: recency_days >= cut + 1)) as recency,
    1 + len(list_filter(f, lambda cut: purchases >= cut + 1)) as frequency,
    if(spend is null, null, 1 + len(list_filter(m, lambda cut: spend >= cut + coin))) as monetary,
    (select string_agg(distinct money, ', ' order by money) from sold where amount is not null) as currency
from buyers cross join cuts cross join coins
order by customer_id
