-- In which state of the lifecycle is everybody who may be asked? One row per known person.
-- $as_of: what happened later is not counted    $zone: says where a day begins
-- $lapse_days: a longer silence is lapsed    $new_days: new is a first purchase so many days ago
-- $loyal_orders: loyal is from so many purchases on
select customer_id, state
from states_at($as_of, $zone, $lapse_days, $new_days, $loyal_orders)
union all
-- who was asked, kept silent and did nothing else stands on no timeline
select distinct customer_id, 'prospect' from feedback
where customer_id is not null and customer_id not in (select customer_id from people)
order by customer_id
