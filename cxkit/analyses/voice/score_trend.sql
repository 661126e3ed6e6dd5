-- What did customers answer, and when? One row per metric, scale, month or quarter, and customer.
-- $metrics, $least, $most, $top: parallel lists: a metric, its scale, and where its top box begins
-- $every: month or quarter    $as_of: what was answered later is not counted
-- $zone: says where a day begins    $touchpoint: only answers about this moment; null: all
with

rules as (
    select unnest($metrics) as metric, unnest($least) as least, unnest($most) as most, unnest($top) as top
),

said as (
    select *, full_scale(metric, scale, score, most) as full_scale
    from feedback join rules using (metric)
),

answers as (
    select metric, full_scale as scale, score, touchpoint,
        local_day(coalesce(given_at, invited_at), $zone) as day,
        coalesce(customer_id, 'row ' || source_file || ' ' || record_no) as customer_key,
        score >= if(metric = 'ces' and full_scale = 5, 4, top) as top
    from said
    where score between least and full_scale
        and coalesce(touchpoint = $touchpoint, $touchpoint is null)
        and coalesce(coalesce(given_at, invited_at) <= $as_of::timestamp, true)
)

select
    metric, scale, date_trunc($every, day)::date as begins, customer_key,
    -- not before its last day is over
    begins < date_trunc($every, local_day($as_of, $zone) + 1) as finished,
    count(*) as answers, count(*) filter (top) as top, count(*) filter (score <= 6) as bottom,
    sum(score) as total, sum(score * score) as squares, list(distinct touchpoint) as touchpoints
from answers
group by all
order by metric, scale, begins, customer_key
