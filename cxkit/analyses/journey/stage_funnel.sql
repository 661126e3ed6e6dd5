-- Who are the people that may enter the funnel? One row per person or visitor.
-- $by: the segment: a field of customers, or 'all'    $first, $last: the people to look at
select
    customer_key,
    not known as visitor,
    coalesce(
        customer_field($by, region, customers.source, preferred_channel, attributes), 'missing'
    ) as segment
from people
left join customers using (customer_id)
where customer_key between $first and $last
order by customer_key
