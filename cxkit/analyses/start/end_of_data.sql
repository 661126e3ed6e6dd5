-- Does the end of the data rest on a few rows far after all others? One row if so, else none.
-- $zone: says where a day begins
with

days as (
    select occurred_at::date as day, count(*) as rows, max(occurred_at) as latest
    from timeline
    group by day
),

placed as (
    select day, lag(day) over (order by day) as day_before,
        lag(latest) over (order by day) as latest_before,
        sum(rows) over (order by day desc) as from_here, sum(rows) over () as dated
    from days
),

-- more than 30 days in which nothing happened, and hardly a row after them
apart as (
    from placed
    where day - day_before > 30 and from_here <= greatest(1, 0.01 * dated) and dated >= 30
    order by day
    limit 1
)

select
    local_day(latest_before, $zone) as ends_on,
    (select local_day(max(latest), $zone) from days) as newest,
    from_here as rows,
    dated,
    (
        select string_agg(distinct source::varchar, ', ' order by source::varchar) from timeline
        where occurred_at::date >= apart.day
    ) as tables
from apart
order by ends_on
