-- How long had each answer's person waited for a stage? One row per answer after both: portable.
-- $moments: what surveys call the stage    $since, $as_of: what happened outside is not counted
-- $from_touchpoints, $to_touchpoints: what counts as where the wait begins and where it ends
with

answers as (
    select people.customer_key, given_at, min(feedback_id) as answer_id
    from feedback
    join people using (customer_id)
    where
        list_contains($moments, lower(touchpoint)) and score is not null
        and metric is distinct from 'item'
        and given_at between $since::timestamp and $as_of::timestamp
    group by people.customer_key, given_at, source_file, record_no
),

arrived as (
    select answers.*, max(timeline.occurred_at) as arrived_at
    from answers
    left join timeline
        on timeline.customer_key = answers.customer_key
        and list_contains($to_touchpoints, timeline.touchpoint::varchar)
        and timeline.occurred_at between $since::timestamp and answers.given_at
    group by all
)

select arrived.answer_id, arrived.arrived_at, max(timeline.occurred_at) as began_at
from arrived
join timeline
    on timeline.customer_key = arrived.customer_key
    and list_contains($from_touchpoints, timeline.touchpoint::varchar)
    and timeline.occurred_at
        between $since::timestamp and coalesce(arrived.arrived_at, arrived.given_at)
group by all
order by answer_id
