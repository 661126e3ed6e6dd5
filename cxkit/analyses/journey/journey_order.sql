-- In which order did each person meet the stages first? One row per person and order: portable.
-- $touchpoints, $places: parallel lists: which touchpoint counts as which stage (1 is the first)
-- $since, $as_of: what happened before or later is not counted
select customer_key, list(place order by first_at, place) as way
from (
    select timeline.customer_key, counted.place, min(timeline.occurred_at) as first_at
    from timeline
    join (select unnest($touchpoints) as touchpoint, unnest($places) as place) as counted
        on timeline.touchpoint::varchar = counted.touchpoint
    where timeline.occurred_at between $since::timestamp and $as_of::timestamp
    group by timeline.customer_key, counted.place
)
group by customer_key
having count(*) > 1
order by customer_key
