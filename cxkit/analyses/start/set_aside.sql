-- Which rows could not be loaded, and why? One row per file, column and reason, most rows first.
select
    source_file as file,
    coalesce(column_name, '') as column_name,
    reason,
    count(*) as records,
    min(line_no) as first_line,
    arg_min(value, record_no) as example,
    arg_min(raw_text, record_no) as record,
    min(hint) as what_to_do
from set_aside
group by source_file, column_name, reason
order by records desc, file, column_name, reason
