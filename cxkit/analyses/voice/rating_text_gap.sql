-- Where do the stars and the words not agree? One row per score with a comment beside it.
-- $metrics, $lowest, $most: parallel lists: a metric and the usual ends of its scale
-- $as_of: what was given later is left out
-- $by: the segment: touchpoint or question, a field of customers, or 'all'
with

rules as (
    select unnest($metrics) as metric, unnest($lowest) as lowest, unnest($most) as most
),

answers as (
    -- all answers to one invitation stand in one record of a file, the comments beside any of them
    select
        feedback_id, metric, score, touchpoint, question, customer_id,
        coalesce(customer_id, 'row ' || source_file || ' ' || record_no) as customer_key,
        lowest, most, full_scale(metric, scale, score, most) as full_scale,
        case when regexp_matches(comment, '[^\s\p{Z}]') then comment end as own,
        string_agg(own, e'\n' order by feedback_id, own) over (
            partition by source_file, record_no
        ) as beside
    from feedback left join rules using (metric)
    where coalesce(coalesce(given_at, invited_at) <= $as_of::timestamp, true)
)

select
    metric, score, feedback_id, customer_key, coalesce(own, beside) as comment, question,
    full_scale = most as usual, score between lowest and most as sound,
    coalesce(case $by
        when 'touchpoint' then touchpoint when 'question' then question
        else customer_field($by, region, source, preferred_channel, attributes)
    end, 'missing') as segment
from answers left join customers using (customer_id)
where score is not null and most is not null and coalesce(own, beside) is not null
order by metric, segment, feedback_id, customer_key, comment
