-- What did people do after they wrote? One row per dated comment of a known person and kind of deed.
-- $within_days: how long a deed after the comment counts    $zone: the company's time zone
-- $lapse_days: a longer silence is lapsed    $as_of: what happened later is not counted
with

comments as (
    select feedback_id, customer_key, local_day(coalesce(given_at, invited_at), $zone) as day
    from feedback join people using (customer_id)
    where known and regexp_matches(comment, '[^\s\p{Z}]')
        and coalesce(given_at, invited_at) <= $as_of::timestamp
),

deeds as (
    select 'bought' as did, customer_id, ordered_at as moment from sales where purchase
    union all
    select 'came back', customer_id, occurred_at from events where customer_id is not null
        -- when an order was approved or delivered is not something the customer does
        and (session is not null or case_id is null or case_id not in (select order_id from orders))
    union all
    select 'contacted', customer_id, opened_at from tickets
    union all
    select 'contacted', customer_id, sent_at from messages
    where direction = 'in' and not coalesce(automatic, false)
),

days as (
    select distinct did, customer_key, local_day(moment, $zone) as day
    from deeds join people using (customer_id) where known and moment <= $as_of::timestamp
),

-- a kind of deed is seen from its first day in the data to its last, and a lapse as purchases are
seen as (
    select did, min(day) as first_day, max(day) as last_day, did as by, $within_days as ahead,
        -1 as back -- the day itself does not count: what a survey asks about often happened on it
    from days group by did
    union all
    select 'lapsed', min(day), max(day), did, $lapse_days, $lapse_days
    from days where did = 'bought' group by did
),

next as (
    select comments.feedback_id, seen.did, comments.day, seen.first_day, seen.last_day, seen.ahead,
        coalesce(bool_or(days.day > comments.day), false) as did_it,
        -- only who has bought, and not so long ago as to be lapsed already, can lapse
        coalesce(bool_or(seen.did <> 'lapsed' or days.day <= comments.day), false) as could
    -- where no deeds are known at all a comment stands by itself
    from comments left join seen on true left join days
        on days.did = seen.by and days.customer_key = comments.customer_key
        and days.day between comments.day - seen.back and comments.day + seen.ahead
    group by all
)

select feedback_id, did, day, ahead as within_days, could, did_it <> (did = 'lapsed') as done,
    could and day >= first_day and day + ahead <= last_day as followed
from next
order by feedback_id, did
