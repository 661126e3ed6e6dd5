-- Which records give way to a newer one of their unit? One row in `gone` per record that does.
-- record (file, record_no, unit, content, version), export (file, layout, lines, exported_at, sha256)
-- contested: the records of units that are said more than once; see contested.sql
-- $parts, $part: the units are taken in so many parts, and this is one, so that memory is bounded

insert into gone
with dated as (
    select
        *,
        -- the export that knows the newest state of this unit, whatever was imported first
        first_value(file) over (
            partition by layout, unit
            order by version desc nulls last, exported_at desc nulls last, sha256
        ) as newest
    from contested
    where hash(unit) % $parts = $part
),

ranked as (
    select
        *,
        row_number() over same_thing as place,
        first_value(file) over same_thing as kept_file,
        first_value(content) over same_thing as kept_content
    from dated
    window same_thing as (
        partition by layout, unit, case when lines then content end
        order by (file = newest) desc, version desc nulls last,
            case when lines then record_no else -record_no end
    )
)

-- all lines of an order come from one export; of other things one record stays
select
    file,
    record_no,
    case
        when lines or content = kept_content then 'the same'
        when file = kept_file then 'in this file'
        else 'in another file'
    end
from ranked
where place > 1 or (lines and file <> newest)
order by file, record_no
