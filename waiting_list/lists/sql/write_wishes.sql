-- Write what one list ($1) has changed of wishes at $2: the entry ($4) for which it holds tickets, or NULL; whether they were
-- bought ($5), and whether an entry joined ($6). A claim of another list stays. Locks the rows; runs under lock_wishes.
UPDATE wishes w
SET held_list_id = CASE WHEN w.held_list_id <> $1 THEN w.held_list_id
        WHEN g.number IS NOT NULL AND w.choice <> 'keep_until_bought' THEN $1::uuid END,
    held_number = CASE WHEN w.held_list_id <> $1 THEN w.held_number WHEN w.choice <> 'keep_until_bought' THEN g.number END,
    done_list_id = CASE WHEN w.done_list_id IS NULL AND (g.bought OR g.number IS NOT NULL AND w.choice = 'withdraw_when_held')
        THEN $1::uuid ELSE w.done_list_id END,
    done_at = CASE WHEN w.done_list_id IS NULL AND (g.bought OR g.number IS NOT NULL AND w.choice = 'withdraw_when_held')
        THEN $2::timestamptz ELSE w.done_at END,
    changes = w.changes + CASE WHEN g.joined OR w.held_list_id = $1 AND g.number IS NULL
        OR w.done_list_id IS NULL AND (g.bought OR g.number IS NOT NULL AND w.choice = 'withdraw_when_held')
        THEN 1 ELSE 0 END
FROM unnest($3::uuid[], $4::bigint[], $5::boolean[], $6::boolean[]) AS g (wish_id, number, bought, joined)
WHERE w.wish_id = g.wish_id
RETURNING w.wish_id, w.held_list_id, w.held_number
