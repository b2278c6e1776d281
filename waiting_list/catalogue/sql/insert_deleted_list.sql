-- Keep what a list had, before it is deleted with its entries.
-- Locks the new row; runs under the list's lock.
INSERT INTO deleted_lists (list_id, deleted_at, organization_id, offer_id, representation_id, actor, changes, entries,
    tickets_bought)
SELECT i.list_id, $2, i.organization_id, i.offer_id, i.representation_id, $3, i.last_sequence, i.last_number,
    (SELECT coalesce(sum((h.before ->> 'available_stock')::bigint - (h.after ->> 'available_stock')::bigint), 0)::bigint
        FROM history h WHERE h.list_id = $1 AND h.verb = 'buy')
FROM inventory i WHERE i.list_id = $1
