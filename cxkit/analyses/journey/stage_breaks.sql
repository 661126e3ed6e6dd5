-- Of which segment is whoever passed a stage, at that moment? One row per person and moment.
-- $by: channel or device of the passage, a field of customers, or 'all'
-- $touchpoints: what counts as the stage    $as_of: what happened later is not counted
-- $first, $last: the people to look at
select
    customer_key,
    epoch_us(occurred_at) as at,
    coalesce(
        min(
            case $by
                when 'channel' then timeline.channel::varchar when 'device' then device::varchar
                else customer_field($by, region, customers.source, preferred_channel, attributes)
            end
        ),
        'missing'
    ) as segment
from timeline
join people using (customer_key)
left join customers using (customer_id)
where
    list_contains($touchpoints, touchpoint::varchar)
    and customer_key between $first and $last
    and occurred_at <= $as_of::timestamp
group by customer_key, occurred_at
order by customer_key, occurred_at
