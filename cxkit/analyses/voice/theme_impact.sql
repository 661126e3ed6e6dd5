-- Which score stands beside which comment? One row per answer with a score.
-- $metrics, $lowest, $most: parallel lists: a metric and the usual ends of its scale
-- $as_of: what was given later is left out
with

rules as (
    select unnest($metrics) as metric, unnest($lowest) as lowest, unnest($most) as most
),

answers as (
    -- all answers to one invitation stand in one record of a file, the comments beside any of them
    select
        metric, score, feedback_id, lowest, most,
        full_scale(metric, scale, score, most) as full_scale,
        coalesce(customer_id, 'feedback ' || feedback_id) as customer_key,
        case when regexp_matches(comment, '[^\s\p{Z}]') then feedback_id end as own,
        list(own) filter (own is not null) over (partition by source_file, record_no) as beside
    from feedback left join rules using (metric)
    where coalesce(coalesce(given_at, invited_at) <= $as_of::timestamp, true)
)

select
    metric, score, customer_key, case when own is null then beside else [own] end as comment_ids,
    full_scale = most as usual, score between lowest and most as sound
from answers
where score is not null and most is not null
order by metric, feedback_id, customer_key, score
