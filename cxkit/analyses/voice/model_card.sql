-- Which comments have a score beside them? One row per metric and comment.
-- $metrics, $lowest, $most: parallel lists: a metric and the usual ends of its scale
-- $as_of: what was given later is left out
with

rules as (
    select unnest($metrics) as metric, unnest($lowest) as lowest, unnest($most) as most
),

answers as (
    -- all answers to one invitation stand in one record of a file, the comments beside any of them
    select
        feedback_id, metric, score, question,
        coalesce(customer_id, 'row ' || source_file || ' ' || record_no) as customer_key,
        customer_id is not null as known,
        lowest, most, full_scale(metric, scale, score, most) as full_scale,
        case when regexp_matches(comment, '[^\s\p{Z}]') then comment end as own,
        string_agg(own, e'\n' order by feedback_id, own) over (
            partition by source_file, record_no
        ) as beside
    from feedback left join rules using (metric)
    where coalesce(coalesce(given_at, invited_at) <= $as_of::timestamp, true)
)

select metric, score, customer_key, known, coalesce(own, beside) as comment, question,
    full_scale = most as usual, score between lowest and most as sound
from answers
where score is not null and most is not null and coalesce(own, beside) is not null
order by metric, feedback_id, customer_key, comment
