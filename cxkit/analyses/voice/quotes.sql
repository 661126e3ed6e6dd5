-- What do customers write, word for word? One row per comment.
-- $as_of: what was written later is left out
select feedback_id, customer_id, coalesce(given_at, invited_at) as given_at, metric, score,
    touchpoint, comment
from feedback
where regexp_matches(comment, '[^\s\p{Z}]')
    and coalesce(coalesce(given_at, invited_at) <= $as_of::timestamp, true)
order by feedback_id, given_at, metric, comment
