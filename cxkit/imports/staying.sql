-- Which records stay? One row per record; the others say again what a newer one of its key says.
-- record (file, record_no, unit, content, version), export (file, layout, lines, exported_at, sha256)

create temp table staying as
    with dated as (
        select
            record.*,
            export.layout,
            export.lines,
            -- the export that knows the newest state of this unit, whatever was imported first
            first_value(record.file) over (
                partition by export.layout, record.unit
                order by record.version desc nulls last, export.exported_at desc nulls last,
                    export.sha256
            ) as newest
        from record
        join export using (file)
    ),

    ranked as (
        select
            *,
            row_number() over (
                partition by layout, unit, case when lines then content end
                order by (file = newest) desc, version desc nulls last,
                    case when lines then record_no else -record_no end
            ) as place
        from dated
    )

    -- all lines of an order come from one export; of other things one record stays
    select file, record_no, layout, unit, version
    from ranked
    where place = 1 and (not lines or file = newest)
    order by file, record_no;

create temp table row_person (table_name varchar, id varchar, customer_id varchar);
