-- Which kind of customer is each known person? One row per person.
-- $by: the kind: a field of the customers, of their attributes, or 'all'
select
    people.customer_key,
    coalesce(case $by
        when 'all' then 'all' when 'region' then region when 'source' then source
        when 'preferred_channel' then preferred_channel
        else json_extract_string(attributes, '/' || $by)
    end, 'missing') as segment
from people left join customers using (customer_id)
where known
order by customer_key
