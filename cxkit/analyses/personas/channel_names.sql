-- Which names do channels go by? One row per name, with how many people ask for it.
-- $as_of: what happened later is not counted
with

told as (
    select preferred_channel as channel, customer_id from customers
    where coalesce(known_since <= $as_of::timestamp, true)
    union all select channel, null from orders where ordered_at <= $as_of::timestamp
    union all select channel, null from messages where sent_at <= $as_of::timestamp
    union all select channel, null from tickets where opened_at <= $as_of::timestamp
    union all select kind, null from outreach where contacted_at <= $as_of::timestamp
)

select channel, count(distinct customer_id) as customers
from told where channel is not null
group by channel order by channel
