-- Was the matter of a comment resolved at the desk? One row per dated comment with a ticket near it.
-- $days: so long before or after the comment the ticket was opened
-- $as_of: what happened later is not known yet
with

comments as (
    select feedback_id, customer_id, coalesce(given_at, invited_at) as asked_at
    from feedback
    where regexp_matches(comment, '[^\s\p{Z}]') and asked_at <= $as_of::timestamp
),

desk as (
    select customer_id, opened_at,
        -- closed, and nothing tells when: neither open nor known to have settled anything
        resolved_at is null
            and regexp_matches(
                coalesce(lower(status), ''), '^\s*(closed|solved|resolved|done)\b'
            ) as untimed,
        case when resolved_at <= $as_of::timestamp then resolved_at end as closed_at
    from tickets where opened_at <= $as_of::timestamp
)

select
    feedback_id, customer_id, nullif(count_if(not untimed), 0) as tickets,
    -- while one of them is open the matter is
    if(count(closed_at) = tickets, max(closed_at), null) as resolved_at,
    bool_or(untimed) as untimed
from comments join desk using (customer_id)
where
    opened_at between asked_at - to_days($days) and asked_at + to_days($days)
    -- what was closed before did not settle what they then wrote
    and coalesce(closed_at >= asked_at, true)
    -- a desk that never says when it resolved does not say that it did not
    and exists (from desk where closed_at is not null)
group by feedback_id, customer_id
order by feedback_id, customer_id
