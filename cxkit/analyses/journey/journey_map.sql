-- What did customers say, and of which moment? One row per answer to a survey or review.
-- $since, $as_of: what was said before or later is not counted
with

said as (
    select *,
        if(metric = 'nps', 0, 1) as least,
        score between least and scale and scale > least as fits,
        -- from -1, the worst answer, to 1, the best
        if(fits, 2 * (score - least) / (scale - least) - 1, null) as mood,
        case
            when not fits then null
            when metric = 'nps' then case when score >= 9 then 1 when score <= 6 then -1 else 0 end
            when mood >= 0.3 then 1
            when mood <= -0.3 then -1
            else 0
        end as tone
    from judged
    where
        customer_id is not null
        and given_at between $since::timestamp and $as_of::timestamp
        and metric is distinct from 'item'
)

-- several scores of one answer are one experience
select
    people.customer_key,
    epoch_us(given_at) as at,
    min(feedback_id) as answer_id,
    min(said.touchpoint) as moment,
    avg(mood) as score_mood,
    sign(sum(tone))::integer as tone,
    count(*) filter (not fits) as beyond,
    arg_min(comment, feedback_id) filter (trim(comment) <> '') as comment,
    coalesce(min(feedback_id) filter (trim(comment) <> ''), min(feedback_id)) as feedback_id
from said
join people using (customer_id)
group by people.customer_key, given_at, source_file, record_no
order by customer_key, given_at, answer_id
