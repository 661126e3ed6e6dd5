-- What happened to these customers, one by one? One row per touchpoint, in order.
-- $customers: the customer_ids    $as_of: up to this moment
select
    people.customer_id,
    timeline.occurred_at,
    timeline.touchpoint,
    timeline.channel,
    timeline.amount
from timeline
join people using (customer_key)
where list_contains($customers, people.customer_id) and timeline.occurred_at <= $as_of::timestamp
order by
    people.customer_id, timeline.occurred_at, timeline.rank, timeline.touchpoint, timeline.case_id
