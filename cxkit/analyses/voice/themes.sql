-- What do customers write, who and when? One row per comment with text.
-- $as_of: what was written later is left out
select feedback_id, coalesce(customer_id, 'feedback ' || feedback_id) as customer_key,
    coalesce(given_at, invited_at) as given_at, comment
from feedback
where regexp_matches(comment, '[^\s\p{Z}]')
    and coalesce(coalesce(given_at, invited_at) <= $as_of::timestamp, true)
order by feedback_id, given_at, comment
