-- Which exports wait for an answer? One row per file that no recipe or mapping could read.
select source_file as file, sha256, records, note
from files
where records > 0 and recipe = ''
order by source_file
