-- How easy do customers say it was? One row: answers to the effort question, and those of 5 to 7.
-- $as_of: what was answered later is not counted
select count(score) as answers, count(*) filter (score >= 5) as easy
from feedback
where metric = 'ces' and coalesce(scale, 7) = 7 and given_at <= $as_of::timestamp
order by answers
