-- What did customers answer, where it is known which end is good? One row per answer, with the end of
-- its scale; `unsaid` ones have no score: CES on five points, where the settings (the variable
-- ces_high) say neither easy nor hard: see `scores.rule_of`.
create temp view judged as
select * exclude (full_scale) replace (
    full_scale as scale,
    if(unsaid, null, score) as score
)
from (
    select *,
        full_scale(metric, scale, score, case
            when metric = 'nps' then 10 when metric = 'ces' then 7
            when metric in ('csat', 'stars') then 5
        end) as full_scale,
        coalesce(metric = 'ces' and full_scale = 5 and score is not null, false)
            and getvariable('ces_high') = '' as unsaid
    from feedback
)
