-- How long did each buyer stay, and how many bad touches had they met by then? One row per buyer
-- and stretch of time, in days since the first purchase, in which both stand still.
-- $keys, $at: parallel lists: who met a bad touch, and when (microseconds), one per person and day
-- $lapse_days: silence that is a lapse    $as_of: what happened later is not counted
-- $zone: says where a day begins
with

visits as (
    select customer_key, local_day(occurred_at, $zone) as day,
        bool_or(source = 'orders' and touchpoint = 'ordered') as bought
    from timeline join people using (customer_key)
    where
        known and occurred_at <= $as_of::timestamp and source in ('orders', 'events')
    group by all
),

gaps as (
    select *, lead(day) over (partition by customer_key order by day) - day as gap,
        coalesce(
            lead(day) over (partition by customer_key, bought order by day),
            local_day($as_of, $zone)
        ) - day as silence
    from visits
),

buyers as (
    select customer_key, min(day) as first_day, min(day) filter (silence > $lapse_days) as last_day,
        local_day($as_of, $zone) - $lapse_days as edge -- later lapses cannot be seen yet
    from gaps where bought group by customer_key
),

lasts as (
    select customer_key, first_day, edge,
        max(day) filter (day between last_day and last_day + $lapse_days) as last_visit,
        count(*) filter (day between first_day and last_day + $lapse_days) as visits
    from buyers join visits using (customer_key) group by customer_key, first_day, edge
),

stays as (
    -- nobody sees when in the silence somebody left: at a moment as far from the last visit as any
    -- moment is, where visits come at random; spread evenly, so that nothing is left to a draw.
    -- Their days between visits are drawn to everyone's where they have few
    select *, last_visit + ceil(least($lapse_days, greatest(1, coalesce(
        (last_visit - first_day + (select avg(gap) from gaps where gap <= $lapse_days)) / visits, 1
    ) * -ln(1 - (0.6180339887 * row_number() over (order by last_visit, customer_key)) % 1)
    )))::int as gone_day
    from lasts
),

spans as (
    select customer_key, first_day, coalesce(gone_day <= edge, false) as gone,
        if(gone, gone_day, edge) - first_day as days
    from stays where edge > first_day
),

points as (
    select customer_key, unnest(range(0, days, 30)) as day, 0 as bad, 0 as visit, 0 as bought,
        0 as answer, 0 as contact
    from spans
    union all
    select customer_key, greatest(0, day - first_day), 0, 1, bought::int, 0, 0
    from visits join spans using (customer_key) where day >= first_day
    union all
    select distinct customer_key, greatest(0, local_day(occurred_at, $zone) - first_day), 0, 0, 0,
        (source = 'feedback')::int, (source <> 'feedback')::int
    from timeline join spans using (customer_key) where direction = 'in'
    union all
    select
        customer_key, greatest(0, local_day(make_timestamp(met), $zone) - first_day), 1, 0, 0, 0, 0
    from (select unnest($keys::integer[]) as customer_key, unnest($at::bigint[]) as met)
    join spans using (customer_key)
),

running as (
    select customer_key, day, min(visit + answer + contact) = 0 as begins,
        sum(sum(bad)) over so_far as bad, sum(sum(bought)) over so_far as purchases,
        -- a visit that brought the bad touch says nothing of how busy they are without it
        sum(if(sum(bad) = 0, sum(visit - bought), 0)) over so_far as others,
        sum(sum(answer)) over so_far as answers, sum(sum(contact)) over so_far as contacts
    from points group by customer_key, day
    window so_far as (partition by customer_key order by day)
)

select customer_key, running.day as start,
    coalesce(lead(running.day) over one, spans.days) as stop,
    spans.gone and lead(running.day) over one is null as ended, bad, purchases, others, answers, contacts
from running join spans using (customer_key)
where begins and running.day < spans.days
window one as (partition by customer_key order by running.day)
order by customer_key, start
