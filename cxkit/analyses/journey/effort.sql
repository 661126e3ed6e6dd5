-- How easy do customers say it was? One row: answers to the effort question, and those of 5 to 7;
-- how many on another scale than one up to 7; and those of which nothing says which end is easy.
-- $as_of: what was answered later is not counted
select count(score) filter (scale = 7) as answers,
    count(*) filter (scale = 7 and score >= 5) as easy,
    count(score) filter (scale <> 7) as others, count(*) filter (unsaid) as unsaid
from judged
where metric = 'ces' and given_at <= $as_of::timestamp
order by answers
