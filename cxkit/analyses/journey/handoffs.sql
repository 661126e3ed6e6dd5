-- How often did each ticket change teams, and how long did it take? One row per ticket.
-- $as_of: what happened later is not counted
select
    coalesce(topic, 'missing') as segment,
    coalesce(customer_id, 'ticket:' || ticket_id) as customer_key,
    transfers,
    asked_again,
    resolved_at is not null and resolved_at <= $as_of::timestamp as ended,
    date_diff('second', opened_at, least(coalesce(resolved_at, $as_of::timestamp), $as_of::timestamp))
        / 86400 as days
from tickets
where opened_at <= $as_of::timestamp
order by segment, opened_at, ticket_id
