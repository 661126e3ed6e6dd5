-- How long are customers silent between purchases? One row per customer and day of purchase.
-- $as_of: later purchases are not counted; the last silence of each customer is watched until then
-- $zone: the company's time zone, which says where a day begins
with

purchases as (
    -- several orders of one day are one purchase; a cancelled order or a refund is none
    select distinct customer_id, local_day(ordered_at, $zone) as day
    from sales where purchase and ordered_at <= $as_of::timestamp
),

silences as (
    select
        people.customer_key, purchases.day,
        lead(purchases.day) over (partition by customer_key order by purchases.day) as next_day
    from purchases
    join people using (customer_id)
    where people.known
)

select
    customer_key,
    coalesce(next_day, local_day($as_of, $zone)) - day as days,
    next_day is not null as returned
from silences
order by customer_key, day
