-- Who is a prospect, new, active, loyal, returned or lapsed? One row per state, always all six.
-- $as_of: what happened later is not counted    $zone: says where a day begins
-- $lapse_days: a longer silence is lapsed    $new_days: new is a first purchase so many days ago
-- $loyal_orders: from so many purchases on    $currency: of amounts that name none
-- $own_keys, $own_days: parallel lists: people with a lapse limit of their own, and that limit
with

states as (
    select unnest(['prospect', 'new', 'active', 'loyal', 'returned', 'lapsed']) as state,
        unnest(range(6)) as place
),

sold as (
    select *, coalesce(currency, $currency) as money, local_day(ordered_at, $zone) as day
    from sales where ordered_at <= $as_of::timestamp
),

gaps as (
    -- several orders of one day are one purchase; a refund is none
    select customer_id, day, day - lag(day) over (partition by customer_id order by day) as gap
    from (select distinct customer_id, day from sold where purchase)
),

buyers as (
    select customer_id, count(*) as purchases, arg_max(gap, day) as last_gap,
        local_day($as_of, $zone) as today, today - min(day) as tenure, today - max(day) as silence
    from gaps group by customer_id
),

spent as (
    select customer_id, count(*) filter (purchase) as orders,
        count(*) filter (not purchase) as refunds, sum(amount) as revenue
    from sold group by customer_id
),

seen as (select customer_key, min(occurred_at) as first_seen from timeline group by customer_key),
own_limits as (select unnest($own_keys::integer[]) as customer_key, unnest($own_days::integer[]) as own_days),
dropped as (select customer_id from orders where cancelled and ordered_at <= $as_of::timestamp),

persons as (
    select orders, refunds, revenue, purchases, coalesce(own_days, $lapse_days) as limit_days,
        -- every order they placed was cancelled
        purchases is null and customer_id in (from dropped) as tried,
        case when purchases is null then 'prospect' when silence > limit_days then 'lapsed'
            when tenure <= $new_days then 'new' when last_gap > limit_days then 'returned'
            when purchases >= $loyal_orders then 'loyal' else 'active' end as state
    from people left join customers using (customer_id) left join seen using (customer_key)
    left join buyers using (customer_id) left join spent using (customer_id)
    left join own_limits using (customer_key)
    where known and coalesce(least(known_since, first_seen) <= $as_of::timestamp, true)
)

select state, count(persons.state) as customers, coalesce(sum(orders), 0) as orders,
    coalesce(sum(refunds), 0) as refunds, coalesce(sum(revenue), 0) as revenue,
    (select count(*) from dropped) as cancelled,
    count(*) filter (tried) as tried, count(*) filter (purchases = 1) as once,
    (select string_agg(distinct money, ', ' order by money) from sold where amount is not null) as currency
from states left join persons using (state)
group by state, place order by place
