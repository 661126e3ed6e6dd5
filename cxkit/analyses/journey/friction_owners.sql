-- Which tickets were opened, and whose are they? One row per ticket of somebody known.
-- $since, $as_of: what happened before or later is not counted
select
    people.customer_key,
    epoch_us(tickets.opened_at) as at,
    coalesce(tickets.topic, 'no topic') as topic,
    issues.stage as moment,
    issues.owner
from tickets
join people using (customer_id)
left join issues on issues.topic = tickets.topic
where tickets.opened_at between $since::timestamp and $as_of::timestamp
order by customer_key, opened_at, ticket_id
