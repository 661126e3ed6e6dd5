-- Of how many answers to CES has nobody said which end is good? One row.
-- $as_of: what was answered later is not counted
select count(*) as answers
from judged
where unsaid and coalesce(coalesce(given_at, invited_at) <= $as_of::timestamp, true)
order by answers
