-- How much money passed each stage? One row per unit and stage that recorded an amount.
-- $keys, $places, $at, $cases: parallel lists: who first passed which stage of the walk when
-- (microseconds), and in which order or case (null: in any)
-- $touchpoints, $stage_places: parallel lists: which touchpoint counts as which stage
with

passed as (
    select unnest($keys::integer[]) as customer_key, unnest($places::integer[]) as place,
        unnest($at::bigint[]) as at, unnest($cases::varchar[]) as case_id,
        unnest(range(len($keys))) as passage
),

counted as (
    select unnest($touchpoints) as touchpoint, unnest($stage_places::integer[]) as place
)

select passed.passage, sum(timeline.amount) as amount
from passed
join counted using (place)
join timeline
    on timeline.customer_key = passed.customer_key
    and timeline.occurred_at = make_timestamp(passed.at)
    and timeline.touchpoint::varchar = counted.touchpoint
where
    timeline.amount is not null
    and (passed.case_id is null or passed.case_id = timeline.case_id)
group by passed.passage
order by passed.passage
