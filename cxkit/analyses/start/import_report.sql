-- Did every row arrive? One row per file: records = loaded + set_aside + duplicate + skipped.
select source_file as file, recipe, records, loaded, set_aside, duplicate, skipped, note
from files
order by source_file
