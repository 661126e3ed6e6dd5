-- Which comments have a score beside them? One row per metric and comment.
-- $metrics, $most: parallel lists: a metric and the usual end of its scale
-- $as_of: what was given later is left out
with

rules as (
    select unnest($metrics) as metric, unnest($most) as most
),

answers as (
    -- all answers to one invitation stand in one record of a file, the comment beside any of them
    select
        feedback_id, metric, score, scale, question,
        coalesce(customer_id, 'row ' || source_file || ' ' || record_no) as customer_key,
        case when regexp_matches(comment, '[^\s\p{Z}]') then comment end as own,
        max(own) over (partition by source_file, record_no) as beside
    from feedback
    where coalesce(coalesce(given_at, invited_at) <= $as_of::timestamp, true)
)

select metric, score, customer_key, coalesce(own, beside) as comment, question
from answers join rules using (metric)
where score is not null and coalesce(own, beside) is not null
    and coalesce(scale, most) = most
order by metric, feedback_id, customer_key, comment
