-- What drives satisfaction? One row per answer to a survey, aspect (item) or score of it, and scale.
-- $as_of: what was answered later is left out
with

answers as (
    -- all answers to one invitation stand in one record of a file
    select dense_rank() over (order by source_file, record_no) as answer, customer_id, metric,
        case when metric = 'item' then trim(question) else metric end as asked, score, scale
    from judged
    where score is not null and metric in ('item', 'csat', 'nps', 'ces', 'stars')
        and (metric <> 'item' or regexp_matches(question, '[^\s\p{Z}]'))
        and coalesce(coalesce(given_at, invited_at) <= $as_of::timestamp, true)
),

with_items as (
    select *, bool_or(metric = 'item') over (partition by answer) as has_item from answers
)

select answer, any_value(customer_id) as customer_id, metric, asked, scale, avg(score) as score
from with_items where has_item
group by all order by answer, metric, asked, scale
