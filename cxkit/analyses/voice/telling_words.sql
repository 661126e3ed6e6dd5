-- Who wrote what beside which score? One row per answer with a comment of its own or beside it.
-- $metrics, $lowest, $most: parallel lists: a metric and the usual ends of its scale
-- $by: the segment: touchpoint or question, a field of customers, or 'all'
-- $as_of: what was given later is left out
with

rules as (
    select unnest($metrics) as metric, unnest($lowest) as lowest, unnest($most) as most
),

answers as (
    -- all answers to one invitation stand in one record of a file, the comments beside any of them
    select
        feedback_id, metric, score, touchpoint, question, customer_id, lowest, most,
        full_scale(metric, scale, score, most) as full_scale,
        coalesce(customer_id, 'feedback ' || feedback_id) as customer_key,
        case when regexp_matches(comment, '[^\s\p{Z}]') then comment end as own,
        string_agg(own, e'\n' order by feedback_id, own) over (
            partition by source_file, record_no
        ) as beside
    from feedback left join rules using (metric)
    where coalesce(coalesce(given_at, invited_at) <= $as_of::timestamp, true)
)

select
    feedback_id, customer_key, customer_id is not null as known, metric, score, coalesce(own, beside) as comment,
    own is not null as own,
    full_scale = most as usual, score between lowest and most as sound,
    coalesce(case $by
        when 'touchpoint' then touchpoint when 'question' then question
        else customer_field($by, region, source, preferred_channel, attributes)
    end, 'missing') as segment
from answers left join customers using (customer_id)
where coalesce(own, beside) is not null
order by feedback_id, metric, customer_key, comment
