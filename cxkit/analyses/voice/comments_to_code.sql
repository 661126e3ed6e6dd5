-- Which comments could be read by hand? One row per comment with text.
-- $as_of: what was written later is left out
select
    feedback_id, question, comment,
    coalesce(customer_id, 'row ' || source_file || ' ' || record_no) as customer_key
from feedback
where regexp_matches(comment, '[^\s\p{Z}]')
    and coalesce(coalesce(given_at, invited_at) <= $as_of::timestamp, true)
order by feedback_id, customer_key, comment, question
