-- Which weeks or months do the data span, and could all who began in them finish? One row each.
-- $every: 'week', which begins on Monday, or 'month'    $touchpoints: what counts as a stage
-- $zone: where the company is    $as_of: the end of the data
-- $within_days: how long those who began are followed
with

spanned as (
    select
        date_trunc($every, min(local_day(occurred_at, $zone))) as first,
        date_trunc($every, local_day($as_of, $zone)) as last,
        case $every when 'week' then interval 7 days else interval 1 month end as one
    from timeline
    where list_contains($touchpoints, touchpoint::varchar) and occurred_at <= $as_of::timestamp
),

periods as (
    select unnest(generate_series(first::timestamp, last::timestamp, one))::date as begins, one
    from spanned
)

select
    begins,
    -- by the last day of the period and the last day of the data
    (begins + one)::date - 1 + $within_days::integer <= local_day($as_of, $zone) as finished
from periods
order by begins
