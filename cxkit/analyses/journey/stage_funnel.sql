-- Who are the people that may enter the funnel? One row per person or visitor.
-- $by: the segment: a field of customers, or 'all'    $first, $last: the people to look at
select
    customer_key,
    not known as visitor,
    coalesce(
        case $by
            when 'all' then 'all' when 'region' then region when 'source' then customers.source
            when 'preferred_channel' then preferred_channel
            else json_extract_string(attributes, '/' || $by)
        end,
        'missing'
    ) as segment
from people
left join customers using (customer_id)
where customer_key between $first and $last
order by customer_key
