-- What did customers answer, where a high CES means much effort? One row per answer, CES turned.
-- A temporary view is found before the snapshot's table of the same name.
create temp view feedback as
select * exclude (full_scale) replace (
    case when metric = 'ces' then full_scale else scale end as scale,
    case when metric = 'ces' then full_scale + 1 - score else score end as score
)
from (
    select *, full_scale(metric, scale, score, 7) as full_scale from snapshot.feedback
)
