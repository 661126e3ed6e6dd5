-- What happened to whom, and when? One row per dated row, in the order in which they are stored.
-- $as_of: what happened later is not counted    $first, $last: the people to look at
select
    customer_key as who,
    epoch_us(occurred_at) as at,
    enum_code(touchpoint) as kind
from timeline
where
    touchpoint is not null
    and customer_key between $first and $last
    and occurred_at <= $as_of::timestamp
