-- How far do customers get along the journey? One row per segment and stage.
-- $stages, $optional: the stages, first to last, and whether each may be skipped
-- $touchpoints, $places: parallel lists: which touchpoint counts as which stage (1 is the first)
-- $routes, $steps, $route_places, $later: parallel lists: route 0 walks the required stages, route
--   p the required stages and the optional stage p; `later` asks for a later time, not the same
-- $as_of, $within_days: entries younger than the window are left out, and counted
-- $by: the segment: channel or device of the entry, a field of customers, or 'all'
with recursive

stages as (
    select unnest($stages) as stage, unnest($optional) as optional,
        generate_subscripts($stages, 1) as place
),

routes as (
    select unnest($routes) as route, unnest($steps) as step, unnest($route_places) as place,
        unnest($later) as later
),

passages as (
    select distinct
        timeline.customer_key, timeline.occurred_at, counted.place,
        case $by when 'channel' then channel::varchar when 'device' then device::varchar end as spot
    from timeline
    join (select unnest($touchpoints) as touchpoint, unnest($places) as place) as counted
        on timeline.touchpoint::varchar = counted.touchpoint
    where timeline.occurred_at <= $as_of::timestamp
),

-- a stage is reached by way of the newest start that allows it: no other start lasts longer
trail as (
    select routes.route, 1 as step, passages.customer_key, passages.occurred_at,
        passages.occurred_at as started_at
    from passages
    join routes on routes.step = 1 and routes.place = passages.place
    where passages.occurred_at <= $as_of::timestamp - to_days($within_days)
    group by all

    union all

    select route, step, customer_key, occurred_at, started_at
    from (
        select *,
            max(start) over (
                partition by route, step, customer_key order by placed_at, start nulls last
                rows between unbounded preceding and current row
            ) as started_at
        from (
            select route, step + 1 as step, customer_key, occurred_at, occurred_at as placed_at,
                started_at as start
            from trail
            union all
            select route, step, customer_key, occurred_at,
                occurred_at - to_microseconds(later::bigint), null
            from passages
            join routes using (place)
            where step > 1
        )
    )
    where start is null and occurred_at <= started_at + to_days($within_days)
    group by all
),

entered as (
    select customer_key, count(distinct occurred_at) as tries,
        min(occurred_at) <= $as_of::timestamp - to_days($within_days) as ripe,
        arg_min(spot, (occurred_at, coalesce(spot, '~'))) as spot
    from passages
    where place = 1
    group by customer_key
),

segments as (
    select entered.customer_key, entered.tries, entered.ripe, not people.known as visitor,
        coalesce(
            case $by
                when 'channel' then spot when 'device' then spot
                else customer_field($by, region, customers.source, preferred_channel, attributes)
            end,
            'missing'
        ) as segment
    from entered
    join people using (customer_key)
    left join customers using (customer_id)
),

got as (
    select distinct trail.route, trail.step, routes.place, trail.customer_key
    from trail join routes using (route, step)
),

reached as (
    select route, place, segment, count(*) as customers, count(*) filter (visitor) as visitors
    from got join segments using (customer_key)
    group by all
),

-- who got no further than the stage before, yet has this stage too early or too late
astray as (
    select next.place, segments.segment, count(*) as otherwise
    from got
    join routes as next on got.route = 0 and next.route = 0 and next.step = got.step + 1
    join segments using (customer_key)
    anti join got as there
        on there.route = 0 and there.step = next.step and there.customer_key = got.customer_key
    semi join passages as missed
        on missed.customer_key = got.customer_key and missed.place = next.place
    group by all
),

told as (
    select segment, count(*) filter (not ripe) as left_out,
        count(*) filter (ripe and tries > 1) as came_again
    from segments
    group by segment
)

select
    told.segment, stages.stage, stages.place, stages.optional,
    coalesce(walked.customers, 0) as customers,
    coalesce(walked.visitors, 0) as visitors,
    coalesce(onward.customers, 0) as onward_through,
    coalesce(astray.otherwise, 0) as otherwise,
    told.left_out, told.came_again
from (
    from told
    union all
    -- where nobody entered, the stages still stand there with zeros
    select case $by when 'all' then 'all' else 'missing' end, 0, 0 where not exists (from told)
) as told
cross join stages
left join reached as walked
    on walked.segment = told.segment and walked.place = stages.place
    and walked.route = case when stages.optional then stages.place else 0 end
left join reached as onward
    on stages.optional and onward.segment = told.segment and onward.route = stages.place
    and onward.place = (
        select min(place) from stages as s where s.place > stages.place and not s.optional
    )
left join astray on astray.segment = told.segment and astray.place = stages.place
order by told.segment, stages.place
