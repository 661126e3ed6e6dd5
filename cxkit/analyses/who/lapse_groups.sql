-- Which kind of customer is each known person? One row per person.
-- $by: the kind: a field of the customers, of their attributes, or 'all'
select
    people.customer_key,
    coalesce(
        customer_field($by, region, source, preferred_channel, attributes), 'missing'
    ) as segment
from people left join customers using (customer_id)
where known
order by customer_key
