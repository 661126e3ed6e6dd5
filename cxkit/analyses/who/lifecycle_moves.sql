-- Who was in which state at one moment, and in which later? One row per pair of states, all 42.
-- $since, $as_of: the two moments; what happened after each is not counted in it
-- $zone: says where a day begins    $lapse_days: a longer silence is lapsed
-- $new_days: new is a first purchase so many days ago
-- $loyal_orders: loyal is from so many purchases on
with

states as (
    select unnest(['not yet known', 'prospect', 'new', 'active', 'loyal', 'returned', 'lapsed'])
        as state, unnest(range(7)) as place
),

moves as (
    -- who is known at the later moment alone has come to be known since
    select coalesce(earlier.state, 'not yet known') as before, later.state as after
    from states_at($as_of, $zone, $lapse_days, $new_days, $loyal_orders) as later
    left join states_at($since, $zone, $lapse_days, $new_days, $loyal_orders) as earlier
        using (customer_id)
)

select before.state as state_before, after.state, count(moves.before) as customers
from states as before cross join states as after
left join moves on moves.before = before.state and moves.after = after.state
where after.place > 0
group by before.state, before.place, after.state, after.place
order by before.place, after.place
