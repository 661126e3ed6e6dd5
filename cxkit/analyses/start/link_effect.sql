-- What would the proposed links change? One row: pairs, people and buyers, before and after.
-- $as_of: people who became known later are not counted
with

seen as (select customer_key, min(occurred_at) as first_seen from timeline group by customer_key),

buyers as (
    select distinct customer_id from orders
    where not coalesce(cancelled, false) and coalesce(amount >= 0, true)
        and ordered_at <= $as_of::timestamp
),

known_people as (
    select customer_id, customer_id in (select customer_id from buyers) as buyer
    from people
    left join customers using (customer_id)
    left join seen using (customer_key)
    where known and coalesce(least(known_since, first_seen) <= $as_of::timestamp, true)
),

standing as (
    -- a link between people who were not both known yet changes nothing
    select customer_id, other_id, person_id from proposed_links
    where customer_id in (select customer_id from known_people)
        and other_id in (select customer_id from known_people)
),

joined as (
    select unnest([customer_id, other_id]) as customer_id, person_id from standing
),

persons as (
    select coalesce(any_value(joined.person_id), customer_id) as person_id,
        customer_id, any_value(buyer) as buyer
    from known_people left join joined using (customer_id)
    group by customer_id
)

select
    (select count(*) from standing) as pairs,
    count(*) as people,
    count(distinct person_id) as people_linked,
    count(*) filter (buyer) as buyers,
    count(distinct person_id) filter (buyer) as buyers_linked
from persons
order by pairs
