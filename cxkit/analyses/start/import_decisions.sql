-- Which files were read, and what did the import say about each? One row per file, by its name.
select source_file as file, sha256, recipe, records, note
from files
order by source_file
