-- Which records speak of a unit that another record speaks of, too? One row per such record.
-- record (file, record_no, unit, content, version), export (file, layout, lines, exported_at, sha256)

create temp table contested as
    with again as (
        -- of the lines of an order, those that are there twice
        select export.layout, record.unit
        from record
        join export using (file)
        group by export.layout, record.unit, case when export.lines then hash(record.content) end
        having count(*) > 1
        union
        -- and those of orders that several exports hold
        select export.layout, record.unit
        from record
        join export using (file)
        where export.lines
        group by export.layout, record.unit
        having min(record.file) <> max(record.file)
    )

    select record.*, export.layout, export.lines, export.exported_at, export.sha256
    from record
    join export using (file)
    semi join again using (layout, unit)
