-- Who wrote without giving a score? One row per comment.
-- $metric: the score that was asked for
-- $as_of: what was given later is left out
with

answers as (
    -- all answers to one invitation stand in one record of a file, the comment beside any of them
    select
        feedback_id, metric, score, question,
        coalesce(customer_id, 'row ' || source_file || ' ' || record_no) as customer_key,
        case when regexp_matches(comment, '[^\s\p{Z}]') then comment end as own,
        max(own) over (partition by source_file, record_no) as beside
    from feedback
    where coalesce(coalesce(given_at, invited_at) <= $as_of::timestamp, true)
)

select feedback_id, customer_key, coalesce(own, beside) as comment, question
from answers
where metric = $metric and score is null and coalesce(own, beside) is not null
order by feedback_id, comment
