-- What is a purchase, and on which day is a moment? Made for every connection to a snapshot.

-- an order that was not cancelled; a purchase unless it is a refund, which is below 0
create temp view sales as
select *, coalesce(amount >= 0, true) as purchase
from snapshot.orders
where not coalesce(cancelled, false);

-- the day of a time in UTC, where the company is
create temp macro local_day(moment, zone) as
    (moment::timestamp at time zone 'UTC' at time zone zone)::date
