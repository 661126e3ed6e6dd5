-- How does each known person behave? One row per person; null where nothing can be known.
-- $as_of: what happened later is not counted    $zone: says which hour and weekday it was
-- $paths: JSON paths of the fields of the contact list to give as `told`
with

sold as (
    select *, ordered_at at time zone 'UTC' at time zone $zone as clock
    from sales where ordered_at <= $as_of::timestamp
),

gaps as (
    select customer_id, count(*) as days_bought, median(gap) as median_gap, min(day) as first_day
    from (
        select customer_id, day, day - lag(day) over (partition by customer_id order by day) as gap
        from (select distinct customer_id, clock::date as day from sold where purchase)
    ) group by customer_id
),

most_used as (select mode(channel order by channel) from sold where purchase),
buyers as (
    -- a share of one or two orders is chance, not habit; an order at midnight sharp has no time
    select customer_id, count(*) filter (purchase) as orders,
        sum(amount) filter (purchase) / nullif(count(amount) filter (purchase), 0) as basket,
        count(*) filter (not purchase) as refunds, if(orders >= 3, 1, null) as habit,
        habit * avg((hour(clock) >= 18)::int) filter (purchase and clock::time > '00:00') as evening,
        habit * avg((isodow(clock) >= 6)::int) filter (purchase) as weekend,
        habit * avg((lower(device) like '%mobile%')::int) filter (purchase) as mobile,
        habit * avg((channel = (from most_used))::int) filter (purchase) as in_channel,
        habit * count(distinct product) filter (purchase) / count(product) filter (purchase) as products
    from sold group by customer_id having orders > 0
),

asked as (
    select customer_id, count(*) as tickets from tickets
    where opened_at <= $as_of::timestamp group by customer_id
),

visits as (
    select customer_id, count(distinct session) as visits
    from events where occurred_at <= $as_of::timestamp and session is not null group by 1
)

select customer_id, orders, region, source, preferred_channel,
    if(today - first_day >= 90, (days_bought - 1) * 365.25 / (today - first_day), null)
        as repeat_orders_per_year,
    median_gap as median_gap_days, basket::double as mean_basket,
    refunds / (orders + refunds) as refund_share,
    evening as evening_share, weekend as weekend_share, mobile as mobile_share,
    in_channel as main_channel_share, products as product_variety,
    if(exists (from asked), coalesce(tickets, 0) / orders, null) as tickets_per_order,
    if(exists (from visits), coalesce(visits, 0) / orders, null) as visits_per_order,
    json_extract_string(attributes, $paths::varchar[]) as told
from people
left join customers using (customer_id) left join buyers using (customer_id)
left join gaps using (customer_id)
left join asked using (customer_id) left join visits using (customer_id)
cross join (select local_day($as_of, $zone) as today)
where known and (orders > 0 or coalesce(known_since <= $as_of::timestamp, true))
order by customer_id
