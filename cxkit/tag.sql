-- Who are the customers, with one more field? One row per customer, and per person with the field.
-- $ids, $told: parallel lists: who, and the value    $name: the field
create temp table tags as
select unnest($ids::varchar[]) as customer_id, unnest($told::varchar[]) as told;

-- a temporary table is found before the snapshot's own of the same name
create temp table customers as
select customers.* replace (
    coalesce(customers.customer_id, tags.customer_id) as customer_id,
    if(
        told is null, attributes,
        json_merge_patch(if(json_valid(attributes), attributes, '{}'), json_object($name, told))
    ) as attributes
)
from snapshot.customers full join tags on customers.customer_id = tags.customer_id
order by customer_id
