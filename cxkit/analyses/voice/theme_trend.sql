-- In which week or month was each comment written? One row per comment with text.
-- $every: week (from Monday) or month    $zone: the company's time zone
-- $as_of: what was written later is left out
select
    feedback_id,
    date_trunc($every, local_day(coalesce(given_at, invited_at), $zone))::date as begins,
    local_day($as_of, $zone) as today
from feedback
where regexp_matches(comment, '[^\s\p{Z}]')
    and coalesce(given_at, invited_at) <= $as_of::timestamp
order by feedback_id, begins
