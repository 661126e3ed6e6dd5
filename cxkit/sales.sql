-- What is a purchase, which day is it, and who is a customer, of which kind and in which state?
-- Made for every connection to a snapshot.

-- an order that was not cancelled; a purchase unless it is a refund, which is below 0
create temp view sales as
select *, coalesce(amount >= 0, true) as purchase
from snapshot.orders
where not coalesce(cancelled, false);

-- the day of a time in UTC, where the company is
create temp macro local_day(moment, zone) as
    (moment::timestamp at time zone 'UTC' at time zone zone)::date;

-- a field of the customers by its name, or of their attributes: what people are broken down by
create temp macro customer_field(name, region, source, preferred_channel, attributes) as
    case name when 'all' then 'all' when 'region' then region when 'source' then source
        when 'preferred_channel' then preferred_channel
        else json_extract_string(attributes, '/' || name) end;

-- the end of the scale of an answer: the usual one where it has none, and of CES 5 where no answer
-- without a scale lies above 5 (what is off the seven points tells nothing)
create temp macro full_scale(metric, scale, score, most) as
    coalesce(scale, if(
        metric = 'ces' and max(score) filter (scale is null and score between 1 and 7)
            over (partition by metric) <= 5,
        5, most
    ));

-- in which state everybody known was at a moment: `lifecycle` with one limit for all
create temp macro states_at(moment, zone, lapse_days, new_days, loyal_orders) as table
with days as (
    -- several orders of one day are one purchase; a refund is none
    select customer_id, day, day - lag(day) over (partition by customer_id order by day) as gap
    from (
        select distinct customer_id, local_day(ordered_at, zone) as day
        from sales where purchase and ordered_at <= moment::timestamp
    )
),

buyers as (
    select customer_id, count(*) as purchases, arg_max(gap, day) as last_gap,
        min(day) as first_day, max(day) as last_day
    from days group by customer_id
),

seen as (select customer_key, min(occurred_at) as first_seen from snapshot.timeline group by customer_key)

select customer_id, case
    when purchases is null then 'prospect'
    when local_day(moment, zone) - last_day > lapse_days then 'lapsed'
    when local_day(moment, zone) - first_day <= new_days then 'new'
    when last_gap > lapse_days then 'returned' when purchases >= loyal_orders then 'loyal'
    else 'active' end as state
from snapshot.people left join snapshot.customers using (customer_id)
left join seen using (customer_key) left join buyers using (customer_id)
where known and coalesce(least(known_since, first_seen) <= moment::timestamp, true)
