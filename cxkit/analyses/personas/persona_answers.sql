-- Who was asked for feedback, and did they answer? One row per person asked.
-- $as_of: what was asked or answered later is not counted
select
    customer_id,
    coalesce(bool_or(
        (score is not null or regexp_matches(comment, '[^\s\p{Z}]'))
        and coalesce(given_at <= $as_of::timestamp, true)
    ), false) as answered
from feedback
where customer_id is not null and invited_at <= $as_of::timestamp
group by customer_id
order by customer_id
