-- On which channel or device was each first stage passed? One row per person and moment.
-- $by: 'channel' or 'device'    $touchpoints: what counts as the first stage
-- $as_of: what happened later is not counted    $first, $last: the people to look at
select
    customer_key,
    epoch_us(occurred_at) as at,
    min(case $by when 'channel' then channel::varchar when 'device' then device::varchar end)
        as segment
from timeline
where
    list_contains($touchpoints, touchpoint::varchar)
    and customer_key between $first and $last
    and occurred_at <= $as_of::timestamp
group by customer_key, occurred_at
order by customer_key, occurred_at
