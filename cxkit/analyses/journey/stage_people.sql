-- Who stopped where, and what came next? One row per unit that entered the funnel.
-- $keys, $at: parallel lists: the person of each unit, and when it got furthest (microseconds)
-- $as_of: what happened later is not counted
with

stopped as (
    select unnest($keys::integer[]) as customer_key, unnest($at::bigint[]) as at,
        unnest(range(len($keys))) as place
),

next as (
    select stopped.place,
        arg_min(
            timeline.touchpoint::varchar,
            (timeline.occurred_at, timeline.rank, timeline.touchpoint::varchar)
        ) as touchpoint,
        min(timeline.occurred_at) as occurred_at
    from stopped
    join timeline
        on timeline.customer_key = stopped.customer_key
        and timeline.occurred_at > make_timestamp(stopped.at)
        and timeline.occurred_at <= $as_of::timestamp
    where timeline.touchpoint is not null
    group by stopped.place
)

select people.customer_id, people.known, make_timestamp(stopped.at) as stopped_at,
    next.touchpoint as next_touchpoint,
    date_diff('second', make_timestamp(stopped.at), next.occurred_at) / 86400 as next_after_days
from stopped
join people using (customer_key)
left join next using (place)
order by place
